import test from "ava";
import type { Admission } from "../../provider/plan/admission.ts";
import { audienceOwners } from "../../provider/policy/audiences.ts";
import { Gate } from "../../provider/policy/gate.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { Secret } from "../../provider/shared/secret.ts";
import { stores } from "../../provider/stores/index.ts";
import { fakeInstance, fakeStore, plannedStore, planOf, requestOf } from "../support/fake-store.ts";
import { makePod } from "../support/pods.ts";

function makeGate(credentialKey?: Buffer): Gate {
	return new Gate({
		policy: parsePolicy("profile: compatible", []),
		owners: audienceOwners(stores),
		store: async () => fakeStore(() => Promise.reject(new Error("not asked"))),
		warn: () => undefined,
		...(credentialKey === undefined ? {} : { credentialKey }),
	});
}

async function admit(gate: Gate, credentials: Readonly<Record<string, string>>, pod = makePod()): Promise<Admission> {
	const plan = planOf([plannedStore({ instance: fakeInstance({ loginBy: "credentials" }) })]);
	const request = {
		...requestOf(pod, {}),
		credentials: new Map(Object.entries(credentials).map(([name, text]) => [name, new Secret(text)])),
	};
	const [admission] = await gate.admit(request, plan);
	if (admission === undefined) throw new Error("no admission");
	return admission;
}

test("a login by credentials needs no token, and is shared by those alone who bring the same", async (t) => {
	const gate = makeGate();
	const usual = { clientid: "web", clientsecret: "right" };
	const { identity, tokenExpiresAt } = await admit(gate, usual);
	const keyOf = async (credentials: Readonly<Record<string, string>>, pod = makePod()) =>
		(await admit(gate, credentials, pod)).identity.key;
	t.is(await keyOf({ clientsecret: "right", clientid: "web" }), identity.key, "another pod of the account, in another order");
	for (const other of [
		{ clientid: "web", clientsecret: "wrong" },
		{ clientid: "web" },
		{},
		{ clientid: "we", clientsecret: "bright" },
		{ a: "webright" },
	])
		t.not(await keyOf(other), identity.key, JSON.stringify(other));
	t.not(await keyOf(usual, makePod({ namespace: "other" })), identity.key);
	t.is(tokenExpiresAt, Number.POSITIVE_INFINITY);
	t.notRegex(identity.key, /right/);
});

test("who knows an identity's key cannot try what the credentials may be", async (t) => {
	const credentials = { pin: "1234" };
	const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
	const key = (await admit(makeGate(one), credentials)).identity.key;
	t.is((await admit(makeGate(one), credentials)).identity.key, key, "the same after a restart");
	t.not((await admit(makeGate(other), credentials)).identity.key, key);
});

test("the instance metadata service is open to Azure stores that log in by it, and to nobody else", async (t) => {
	const metadata = "http://169.254.169.254";
	const grant = (type: string, endpoints: readonly string[]) => {
		const instance = fakeInstance({ type, endpoints, derivedEndpoints: endpoints, loginBy: "node" });
		return makeGate().admit(requestOf(makePod(), {}), planOf([plannedStore({ instance, audience: "api://AzureADTokenExchange" })]));
	};
	const vault = "https://kv-main.vault.azure.net";
	const [byNode] = await grant("azure", [vault, metadata]);
	t.true(byNode?.allowsAddress("169.254.169.254"));
	t.false(byNode?.allowsAddress("169.254.170.23"), "the agent of another cloud");
	const [byToken] = await grant("azure", [vault]);
	t.false(byToken?.allowsAddress("169.254.169.254"));
	await t.throwsAsync(grant("vault", [metadata]), { message: /is no address of a cloud's service|metadata address/ });
});
