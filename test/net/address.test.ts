import test from "ava";
import fc from "fast-check";
import { parseAddress } from "../../provider/net/address.ts";
import { proxyFor } from "../../provider/net/proxy.ts";

const good: readonly (readonly [text: string, canonical: string])[] = [
	["https://vault.example:8200", "https://vault.example:8200"],
	["https://vault.example", "https://vault.example"],
	["https://vault.example:443/", "https://vault.example"],
	["HTTPS://Vault.Example:8200//", "https://vault.example:8200"],
	["https://vault.example/behind/a/path/", "https://vault.example/behind/a/path"],
	["http://127.0.0.1:8200", "http://127.0.0.1:8200"],
	["http://[::1]:8200", "http://[::1]:8200"],
	["http://0x7f000001", "http://127.0.0.1"],
	["unix:///var/run/vault/agent.sock", "unix:///var/run/vault/agent.sock"],
];

for (const [text, canonical] of good) {
	test(`${text} is the address ${canonical}`, (t) => {
		const address = parseAddress(text);
		t.is("problem" in address ? address.problem : address.text, canonical);
	});
}

const bad: readonly (readonly [text: string, problem: RegExp])[] = [
	["", /not a URL/],
	["vault.example:8200", /has the scheme vault\.example/],
	["//vault.example", /not a URL/],
	["https://", /not a URL/],
	["file:///etc/passwd", /has the scheme file/],
	["gopher://vault.example", /has the scheme gopher/],
	["data:text/plain,x", /has the scheme data/],
	["https://allowed@evil/", /user name/],
	["https://:pw@evil/", /user name/],
	["https://evil#@allowed", /fragment/],
	["https://evil?x", /query/],
	["https://evil?", /query/],
	["https://vault.example\\@evil", /backslash/],
	["https://vault.example\n", /control character/],
	["https://vault .example", /space/],
	["unix://relative.sock", /not a socket address/],
	["unix:/run/x.sock", /not a socket address/],
	["unix:///run/x.sock?x", /not a socket address/],
	[`unix:///${"x".repeat(108)}`, /longer than 107 bytes/],
	[`https://${"x".repeat(3000)}`, /longer than 2048/],
];

for (const [text, problem] of bad) {
	test(`${JSON.stringify(text).slice(0, 60)} is no address`, (t) => {
		const address = parseAddress(text);
		if (!("problem" in address)) return t.fail(address.text);
		t.regex(address.problem, problem);
		t.true(address.remedy.length > 10);
	});
}

test("reading an address never throws, and a canonical text reads as itself", (t) => {
	const texts = fc.oneof(fc.string({ unit: "binary" }), fc.webUrl({ withFragments: true, withQueryParameters: true }));
	fc.assert(
		fc.property(texts, (text) => {
			const address = parseAddress(text);
			if ("problem" in address) return;
			const again = parseAddress(address.text);
			t.deepEqual(again, address);
			t.false(/[@?#\s]/.test(address.text.replace(address.basePath, "")));
		}),
	);
	t.pass();
});

const proxied: readonly (readonly [address: string, environment: Readonly<Record<string, string>>, proxy: string | undefined])[] = [
	["https://vault.example", { HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128"],
	["https://vault.example", { https_proxy: "proxy:3128" }, "http://proxy:3128"],
	["https://vault.example", { HTTP_PROXY: "http://proxy:3128" }, undefined],
	["http://vault.example", { HTTP_PROXY: "http://proxy:3128" }, "http://proxy:3128"],
	["http://localhost:8200", { HTTP_PROXY: "http://proxy:3128" }, undefined],
	["http://127.0.0.2:8200", { HTTP_PROXY: "http://proxy:3128" }, undefined],
	["http://[::1]:8200", { HTTP_PROXY: "http://proxy:3128" }, undefined],
	["unix:///run/x.sock", { HTTP_PROXY: "http://proxy:3128" }, undefined],
];
const exceptions: readonly (readonly [noProxy: string, address: string, direct: boolean])[] = [
	["*", "https://vault.example", true],
	["vault.example", "https://vault.example", true],
	["example", "https://vault.example", true],
	[".example", "https://vault.example", true],
	["*.example", "https://vault.example", true],
	[".vault.example", "https://vault.example", false],
	["ault.example", "https://vault.example", false],
	["other, VAULT.example ", "https://vault.example", true],
	["vault.example:8200", "https://vault.example:8200", true],
	["vault.example:8200", "https://vault.example", false],
	["10.0.0.0/8", "https://10.1.2.3", true],
	["10.0.0.0/8", "https://11.1.2.3", false],
	["10.1.2.3", "https://10.1.2.3", true],
	["fd00::/8", "https://[fd00::1]", true],
	["[fd00::1]:8200", "https://[fd00::1]:8200", true],
	["10.0.0.0/99", "https://10.1.2.3", false],
	["10.0.0.0/8", "https://vault.example", false],
	["", "https://vault.example", false],
];

test("proxies come from the environment as Go reads it", (t) => {
	const ask = (text: string, environment: Readonly<Record<string, string>>) => {
		const address = parseAddress(text);
		return "problem" in address ? address.problem : proxyFor(address, environment);
	};
	for (const [address, environment, proxy] of proxied) t.is(ask(address, environment), proxy, `${address} ${JSON.stringify(environment)}`);
	for (const [noProxy, address, direct] of exceptions) {
		const proxy = ask(address, { HTTPS_PROXY: "http://proxy:3128", NO_PROXY: noProxy });
		t.is(proxy, direct ? undefined : "http://proxy:3128", `${noProxy} ${address}`);
	}
});
