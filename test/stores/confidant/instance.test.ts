import test from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { faultsOf } from "../../../provider/plan/faults.ts";
import { readInstance } from "../../../provider/stores/confidant/instance.ts";
import { readRole, serviceOfPod } from "../../../provider/stores/confidant/names.ts";
import { readRef } from "../../../provider/stores/confidant/ref.ts";
import { fieldsOf, makeInstance } from "./harness.ts";

const entry = {
	type: "confidant",
	address: "https://confidant.example/",
	region: "eu-west-1",
	authKey: "alias/auth",
	to: "confidant-production",
};

function faultsIn(options: Readonly<Record<string, unknown>>): readonly string[] {
	try {
		makeInstance({ ...entry, ...options });
		return [];
	} catch (error) {
		if (!(error instanceof ProviderError)) throw error;
		return faultsOf(error).map(({ path, message }) => `${path} ${message}`);
	}
}

test("an entry with what it must have is a whole instance", (t) => {
	const instance = makeInstance(entry);
	const { address, region, authKey, to, from, service, tokenVersion, tokenSeconds } = instance;
	t.deepEqual(
		{ address: address.text, region, authKey, to, from, service, tokenVersion, tokenSeconds },
		{
			address: "https://confidant.example",
			region: "eu-west-1",
			authKey: "alias/auth",
			to: "confidant-production",
			from: "",
			service: "",
			tokenVersion: 2,
			tokenSeconds: 600,
		},
	);
	t.is(instance.defaultAudience, "sts.amazonaws.com");
	t.is(instance.roleAnnotation?.key, "eks.amazonaws.com/role-arn");
});

test("policy judges Confidant's address, and AWS's follow from the region", (t) => {
	const { endpoints, derivedEndpoints, administratorsOnly } = makeInstance(entry);
	const derived = ["https://kms.eu-west-1.amazonaws.com", "https://sts.eu-west-1.amazonaws.com"];
	t.deepEqual(endpoints, ["https://confidant.example", ...derived]);
	t.deepEqual(derivedEndpoints, derived);
	t.false(administratorsOnly);
});

test("other addresses of KMS and STS are the administrator's to write", (t) => {
	const instance = makeInstance({ ...entry, endpoints: { kms: "https://kms.example" } });
	t.true(instance.administratorsOnly);
	t.deepEqual(instance.endpoints, ["https://confidant.example", "https://kms.example", "https://sts.eu-west-1.amazonaws.com"]);
	t.deepEqual(instance.derivedEndpoints, ["https://sts.eu-west-1.amazonaws.com"]);
});

test("the region is that of the process where the entry names none", (t) => {
	const { region: _, ...rest } = entry;
	t.is(readInstance("main", fieldsOf(rest, "stores.main"), { AWS_REGION: "us-west-2" }).region, "us-west-2");
});

for (const [what, options, fault] of [
	["no address", { address: "" }, "stores.main.address is empty"],
	["an address that is none", { address: "confidant" }, "stores.main.address is not a URL"],
	["no region", { region: "" }, "stores.main.region is missing"],
	["a region that is none", { region: "europe" }, 'stores.main.region is "europe", which is no region'],
	["no auth key", { authKey: "" }, "stores.main.authKey is empty"],
	["an auth key that is none", { authKey: "auth" }, 'stores.main.authKey is "auth", which names no key'],
	[
		"an auth key of another region",
		{ authKey: "arn:aws:kms:us-east-1:111122223333:alias/auth" },
		"stores.main.authKey is a key of us-east-1, and the region is eu-west-1",
	],
	["no name of the server", { to: "" }, "stores.main.to is empty"],
	["a user name that is two", { from: "service/web" }, 'stores.main.from is "service/web", which names no service'],
	["a user name that ends early", { from: "web:x" }, 'stores.main.from is "web:x", which names no service'],
	["a service that leaves its path", { service: "../roles" }, 'stores.main.service is "../roles", which names no service'],
	["an unknown version", { tokenVersion: "3" }, 'stores.main.tokenVersion is "3"'],
	["a token that would never be used", { tokenLifetime: "6m" }, 'stores.main.tokenLifetime is "6m"'],
	["a token that the server refuses", { tokenLifetime: "61m" }, 'stores.main.tokenLifetime is "61m"'],
	["another way to log in", { identity: "pod" }, "stores.main.identity is not known here"],
	["a server that is not asked", { endpoints: { ssm: "https://ssm.example" } }, "stores.main.endpoints.ssm is not known here"],
] as const) {
	test(`an entry with ${what} is a fault`, (t) => {
		t.deepEqual(faultsIn(options), [fault]);
	});
}

test("every option makes another instance", (t) => {
	const options = [
		{},
		{ address: "https://other.example" },
		{ region: "us-east-1" },
		{ authKey: "alias/other" },
		{ to: "other" },
		{ from: "other" },
		{ service: "other" },
		{ tokenVersion: "1" },
		{ tokenLifetime: "20m" },
		{ useFips: "true" },
		{ useDualStack: "true" },
		{ caFile: "/ca.pem" },
		{ tlsServerName: "confidant" },
		{ skipTlsVerify: "true" },
		{ endpoints: { kms: "https://kms.example" } },
	];
	const keys = options.map((option) => makeInstance({ ...entry, ...option }).key);
	t.is(new Set(keys).size, options.length);
});

test("a pod proves to be the service of its role's name, without the role's path", (t) => {
	const role = "arn:aws:iam::111122223333:role/teams/shop/web-production";
	t.is(serviceOfPod({ from: "" }, { role }), "web-production");
	t.is(serviceOfPod({ from: "other" }, { role }), "other");
});

test("a role is written as its ARN", (t) => {
	const good = fieldsOf({ role: "arn:aws:iam::111122223333:role/web" }, "stores.main");
	t.is(readRole(good), "arn:aws:iam::111122223333:role/web");
	t.false(good.faults.any);
	const bad = fieldsOf({ role: "web" }, "stores.main");
	readRole(bad);
	t.deepEqual(
		bad.faults.list.map(({ message }) => message),
		['is "web", which is no role\'s ARN'],
	);
});

test("an object names a credential", (t) => {
	const good = fieldsOf({ credential: "db" }, "objects[0]");
	t.is(readRef(good).credential, "db");
	t.false(good.faults.any);
	for (const bad of [{}, { credential: "" }, { credential: "x".repeat(257) }]) {
		const fields = fieldsOf(bad, "objects[0]");
		readRef(fields);
		t.is(fields.faults.list.length, 1, JSON.stringify(bad).slice(0, 40));
	}
});
