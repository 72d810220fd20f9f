import test from "ava";
import type { ClientCertificate } from "./certificates.ts";
import { ask, type PlainRequest, verdict } from "./requests.ts";
import { appId, openSite, type Site, safe } from "./site.ts";

const good = `AppID=${appId}&Safe=DB&Object=pg-prod`;

interface Case {
	readonly name: string;
	readonly prepare?: (site: Site) => unknown;
	/** In the place of the application's own; `none` for none. */
	readonly certificate?: ((site: Site) => ClientCertificate) | "none";
	readonly path?: string;
	readonly query?: string;
	readonly options?: NonNullable<PlainRequest["options"]>;
	readonly expected: string;
}

const doors: readonly Case[] = [
	{ name: "the application's certificate", expected: "200" },
	{ name: "no certificate", certificate: "none", expected: "403 403.7 - Client certificate required" },
	{
		name: "no certificate, where none is demanded",
		prepare: ({ ccp }) => ccp.webServices.set("AIMWebService", { demandsCertificate: false }),
		certificate: "none",
		expected: "403 APPAP306E",
	},
	{
		name: "a certificate of another authority",
		certificate: ({ ccp }) => ccp.certificates.issue("shop", { byStranger: true }),
		expected: "403 403.16 - Client certificate is not trusted",
	},
	{
		name: "an expired certificate",
		certificate: ({ ccp }) => ccp.certificates.issue("shop", { days: -1 }),
		expected: "403 403.17 - Client certificate has expired or is not yet valid",
	},
	{ name: "another certificate", certificate: ({ ccp }) => ccp.certificates.issue("shop"), expected: "403 APPAP306E" },
	{
		name: "another certificate of a listed subject",
		prepare: ({ ccp }) => ccp.applications.add(appId, { subjects: ["CN=shop"] }),
		certificate: ({ ccp }) => ccp.certificates.issue("shop"),
		expected: "200",
	},
	{
		name: "a certificate of another subject",
		prepare: ({ ccp }) => ccp.applications.add(appId, { subjects: ["CN=shop"] }),
		certificate: ({ ccp }) => ccp.certificates.issue("shop2"),
		expected: "403 APPAP306E",
	},
	{
		name: "a machine that is listed",
		prepare: ({ ccp }) => ccp.applications.add(appId, { addresses: ["127.0.0.2"] }),
		options: { localAddress: "127.0.0.2" },
		expected: "200",
	},
	{ name: "another machine", prepare: ({ ccp }) => ccp.applications.add(appId, { addresses: ["127.0.0.2"] }), expected: "403 APPAP306E" },
	{ name: "an application that is not there", prepare: ({ ccp }) => ccp.applications.remove(appId), expected: "403 APPAP008E" },
	{ name: "the path in other letters", path: "/aimwebservice/API/accounts", expected: "200" },
	{ name: "another web service", path: "/Other/api/Accounts", expected: "404 404 - File or directory not found." },
	{ name: "another path", path: "/AIMWebService/api/Account", expected: "404 404 - File or directory not found." },
	{ name: "a path that cannot be decoded", path: "/%zz/api/Accounts", expected: "400 Bad Request" },
	{
		name: "a web service beneath a site",
		prepare: ({ ccp }) => ccp.webServices.set("site/AIM"),
		path: "/site/AIM/api/Accounts",
		expected: "200",
	},
	{
		name: "a web service that wants a Windows user",
		prepare: ({ ccp }) => ccp.webServices.set("AIMWebService", { demandsWindowsUser: true }),
		expected: "401 401 - Unauthorized",
	},
	{
		name: "a web service that is stopped",
		prepare: ({ ccp }) => ccp.webServices.set("AIMWebService", { isStopped: true }),
		expected: "503 Service Unavailable",
	},
	{ name: "another method", options: { method: "POST" }, expected: "405 undefined" },
	{ name: "a query that is too long", query: `${good}&Reason=${"x".repeat(2048)}`, expected: "404 404.15 - Query string too long" },
	{ name: "a sign of life", path: "/AIMWebService/v1.1/AIM.asmx", expected: "200" },
];

const queries: readonly Case[] = [
	{ name: "no AppID", query: "Safe=DB&Object=pg-prod", expected: "400 AIMWS031E" },
	{ name: "an AppID in other letters", query: good.replace(appId, "SHOP-App").replace("AppID", "appId"), expected: "200" },
	{ name: "an AppID that is no name", query: good.replace(appId, "a%2Fb"), expected: "400 CASVL010E" },
	{ name: "an unknown parameter", query: `${good}&Colour=red`, expected: "400 AIMWS030E" },
	{ name: "a parameter twice", query: `${good}&safe=DB`, expected: "400 AIMWS030E" },
	{ name: "no criteria", query: `AppID=${appId}`, expected: "400 AIMWS030E" },
	{ name: "an empty criterion only", query: `AppID=${appId}&Safe=`, expected: "400 AIMWS030E" },
	{ name: "what cannot be decoded", query: `${good}&Reason=%zz`, expected: "400 Bad Request" },
	{ name: "a semicolon in a field", query: `AppID=${appId}&Object=pg-prod%3BSafe%3DDB`, expected: "400 APPAP081E" },
	{ name: "an encoded ampersand", query: `${good}&Reason=a%26b`, expected: "400 APPAP081E" },
	{ name: "an encoded line break", query: `${good}&Reason=a%0Ab`, expected: "400 APPAP081E" },
	{ name: "other letters of the names", query: good.replace("DB", "db").replace("pg-prod", "PG-Prod"), expected: "200" },
	{ name: "an object that is not there", query: good.replace("pg-prod", "none"), expected: "404 APPAP004E" },
	{ name: "a part of the name", query: good.replace("pg-prod", "pg"), expected: "404 APPAP004E" },
	{ name: "a safe that is not there", query: good.replace("DB", "none"), expected: "404 APPAP004E" },
	{ name: "a safe without a right", query: good.replace("DB", "Other"), expected: "404 APPAP004E" },
	{ name: "another folder", query: `${good}&Folder=Root%5COS`, expected: "404 APPAP004E" },
	{ name: "an account of a folder, without the folder", query: `AppID=${appId}&Object=root`, expected: "404 APPAP004E" },
	{ name: "an account of a folder", query: `AppID=${appId}&Object=root&Folder=root%5COS%5CLinux`, expected: "200" },
	{ name: "a user name and an address", query: `AppID=${appId}&UserName=app&Address=db.example`, expected: "200" },
	{ name: "a platform", query: `AppID=${appId}&Safe=DB&PolicyID=PostgreSQL`, expected: "200" },
	{ name: "a database", query: `AppID=${appId}&Database=none`, expected: "404 APPAP004E" },
	{ name: "what fits several", query: `AppID=${appId}&Safe=DB`, expected: "400 APPAP229E" },
	{ name: "a plus sign, encoded", query: `AppID=${appId}&Object=a%2Bb`, expected: "200" },
	{ name: "a plus sign as a blank", query: `AppID=${appId}&Object=a+c`, expected: "200" },
	{ name: "a plus sign that was not encoded", query: `AppID=${appId}&Object=a+b`, expected: "404 APPAP004E" },
	{ name: "a free query", query: `AppID=${appId}&Query=Safe%3DDB%3BObject=pg-prod`, expected: "200" },
	{ name: "a free query with a pattern's letters", query: `AppID=${appId}&Query=Object%3Dpg.*`, expected: "404 APPAP004E" },
	{ name: "a free query beside other fields", query: `AppID=${appId}&Query=Object%3Dpg-prod&Object=none&Safe=none`, expected: "200" },
	{ name: "a free query of unknown criteria", query: `AppID=${appId}&Query=Colour%3Dred`, expected: "400 AIMWS030E" },
	{ name: "a free query that is none", query: `AppID=${appId}&Query=pg-prod`, expected: "400 AIMWS030E" },
	{ name: "a pattern", query: `AppID=${appId}&Query=Object%3Dg-p&QueryFormat=Regexp`, expected: "200" },
	{ name: "a pattern in a field, where there are none", query: `AppID=${appId}&Object=g-p&QueryFormat=Regexp`, expected: "404 APPAP004E" },
	{ name: "a pattern that fits several", query: `AppID=${appId}&Query=Safe%3DD&QueryFormat=regexp`, expected: "400 APPAP229E" },
	{ name: "a pattern that cannot be read", query: `AppID=${appId}&Query=Object%3D(&QueryFormat=Regexp`, expected: "400 AIMWS030E" },
	{ name: "another format", query: `AppID=${appId}&Query=Object%3Dpg-prod&QueryFormat=Glob`, expected: "400 AIMWS030E" },
	{ name: "a timeout that is no number", query: `${good}&ConnectionTimeout=10s`, expected: "400 AIMWS030E" },
	{ name: "a flag that is none", query: `${good}&FailRequestOnPasswordChange=yes`, expected: "400 AIMWS030E" },
];

const own = ({ shop }: Site) => shop;

function stock({ ccp }: Site): void {
	for (const name of ["a+b", "a c"]) ccp.accounts.put({ safe, name, content: "x" });
	ccp.accounts.put({ safe, name: "root", folder: "Root\\OS\\Linux", content: "x" });
	ccp.safes.add("Other");
	ccp.accounts.put({ safe: "Other", name: "pg-prod", content: "not yours" });
}

for (const { name, prepare, certificate = own, path, query = good, options, expected } of [...doors, ...queries]) {
	test(`${name}: ${expected}`, async (t) => {
		const site = await openSite(t);
		stock(site);
		prepare?.(site);
		const asked = {
			query,
			...(path === undefined ? {} : { path }),
			...(options === undefined ? {} : { options }),
			...(certificate === "none" ? {} : { certificate: certificate(site) }),
		};
		t.is(verdict(await ask(site.ccp, asked)), expected);
	});
}
