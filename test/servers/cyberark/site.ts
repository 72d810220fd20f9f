import type { ExecutionContext } from "ava";
import { type Ccp, type CcpOptions, startCcp } from "./ccp.ts";
import type { ClientCertificate } from "./certificates.ts";

export const appId = "shop-app";
export const safe = "DB";

export interface Site {
	readonly ccp: Ccp;
	/** The only certificate by which the application is let in. */
	readonly shop: ClientCertificate;
}

/** A server with the application `shop-app`, which may read the account `pg-prod` of safe `DB`. */
export async function openSite(t: ExecutionContext<unknown> | undefined, options: CcpOptions = {}): Promise<Site> {
	const ccp = await startCcp(t, options);
	const shop = ccp.certificates.issue("shop");
	ccp.applications.add(appId, { serials: [shop.serial] });
	ccp.safes.add(safe, { members: [appId] });
	ccp.accounts.put({ safe, name: "pg-prod", content: "hunter2", userName: "app", address: "db.example", policyId: "PostgreSQL" });
	return { ccp, shop };
}
