import { fork } from "node:child_process";
import { once } from "node:events";
import type { ExecutionContext } from "ava";
import { startAws } from "./aws.ts";
import type { AwsEndpoint } from "./gate-request.ts";
import type { IssuerKeys } from "./trust.ts";

/** An AWS with canned answers in a process of its own, so that it does not share the memory and the thread of what is measured. */
export interface LoadAws {
	readonly endpoints: Readonly<Record<AwsEndpoint, string>>;
	/** A role that every service account of the issuer may take, at STS, and that may do everything. */
	readonly role: string;
	report(): Promise<LoadReport>;
	/** Adds to each answer from now on, and counts anew. */
	restart(delayMilliseconds: number): Promise<void>;
	stop(): Promise<void>;
}

export interface LoadReport {
	/** Calls by operation. */
	readonly counts: Readonly<Record<string, number>>;
	readonly connections: number;
	readonly peakOpenRequests: number;
}

type Order =
	| { readonly kind: "start"; readonly issuer: IssuerKeys }
	| { readonly kind: "restart"; readonly delayMilliseconds: number }
	| { readonly kind: "report" };

/** Starts it; it stops with the test, or by `stop()` where `t` is undefined. */
export async function startLoadAws(t: ExecutionContext<unknown> | undefined, issuer: IssuerKeys): Promise<LoadAws> {
	const child = fork(import.meta.filename, [], { execArgv: [] });
	const ended = once(child, "exit");
	const order = async <Answer>(given: Order): Promise<Answer> => {
		child.send(given);
		const [answer] = (await Promise.race([once(child, "message"), ended.then(() => Promise.reject(new Error("it has ended")))])) as [
			Answer,
		];
		return answer;
	};
	const stop = async () => {
		if (child.connected) child.disconnect();
		await ended;
	};
	t?.teardown(stop);
	const started = await order<Pick<LoadAws, "endpoints" | "role">>({ kind: "start", issuer });
	return {
		...started,
		report: () => order<LoadReport>({ kind: "report" }),
		restart: (delayMilliseconds) => order<void>({ kind: "restart", delayMilliseconds }),
		stop,
	};
}

/** What the process of its own does. It ends when the one that started it goes. */
async function serve(): Promise<void> {
	const aws = await startAws(undefined, { fast: true });
	const role = aws.roleArn("load");
	aws.permit(role, { allow: [{ actions: ["*"] }] });
	process.once("disconnect", () => process.exit(0));
	process.on("message", (order: Order) => {
		if (order.kind === "start") {
			aws.trust(role, { issuer: order.issuer, subject: "*" });
			process.send?.({ endpoints: aws.endpoints, role });
			return;
		}
		if (order.kind === "restart") {
			aws.forgetCalls();
			aws.settings.delayMilliseconds = order.delayMilliseconds;
		}
		const { connections, peakOpenRequests } = aws.traffic;
		process.send?.({ counts: aws.counts(), connections, peakOpenRequests });
	});
}

if (import.meta.main) await serve();
