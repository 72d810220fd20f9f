import test, { type ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { sealedEntry, textOf } from "../kms-support.ts";
import { KmsWorld, region } from "./kms-support.ts";

const issuer = await createTokenIssuer();
const audience = "pods.eks.amazonaws.com";
const web = makePod({ namespace: "shop", serviceAccount: "web" });

let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start();
	for (const account of ["shop/web", "shop/api", "office/web"]) {
		const [namespace = "", serviceAccount = ""] = account.split("/");
		world.aws.associate(world.role, { issuer, namespace, serviceAccount });
	}
});
test.after.always(() => world.aws.stop());

function start(t: ExecutionContext<unknown>, options = ""): Promise<TestProvider> {
	const at = `region: ${region}, endpoints: ${JSON.stringify(world.aws.endpoints)}${options}`;
	const policy = `profile: strict\ndialects:\n  aws: {${at}}\nstores:\n  main: {type: aws, identity: pod, ${at}}\n`;
	return startTestProvider(t, { policy, providers: "aws,claviger", issuer });
}

function mountAws(provider: TestProvider, objects: string, pod: Pod = web): Promise<MountResult> {
	return provider.mount("aws", pod, { usePodIdentity: "true", objects }, { audience });
}

const long = JSON.stringify({ user: "shop", password: "long", filler: "x".repeat(5000) });

test("what the command prints is mounted as it is, beside parts of it, in both dialects", async (t) => {
	const provider = await start(t);
	const json = await sealedEntry([...world.usual, "--bind", "namespace"], long);
	const parts = "  objectAlias: db.json\n  jmesPath: [{path: password, objectAlias: password}]\n";
	const objects = `${await sealedEntry(world.forWeb, "hunter2")}${json}${parts}`;
	const mounted = await mountAws(provider, objects);
	t.is(textOf(mounted, "db_password"), "hunter2");
	t.is(textOf(mounted, "db.json"), long);
	t.is(textOf(mounted, "password"), "long");

	const native = `${await sealedEntry([...world.forWeb, "--dialect", "claviger"], long)}  key: password\n`;
	const files = "- {path: password, from: db_password}";
	const other = await provider.mount("claviger", web, { objects: native, files }, { audience });
	t.is(textOf(other, "password"), "long");
});

test("another pod that copies the class gets nothing, and is told why", async (t) => {
	const provider = await start(t);
	const objects = await sealedEntry(world.forWeb, "hunter2");
	for (const pod of [makePod({ namespace: "shop", serviceAccount: "api" }), makePod({ namespace: "office", serviceAccount: "web" })]) {
		const error = await t.throwsAsync(mountAws(provider, objects, pod), { instanceOf: CallFailure });
		t.is(error?.errorCode, "invalid");
		const pairs = `csi:v=1, csi:ns=${pod.namespace}, csi:sa=${pod.serviceAccount}, csi:object=db/password`;
		t.true(error?.details.includes(`The ciphertext of "db/password" (key ${world.keyId}, with the context ${pairs})`), error?.details);
	}
	t.is(textOf(await mountAws(provider, objects), "db_password"), "hunter2");
});

test("a key that is disabled withdraws the file, and an outage leaves it to the driver", async (t) => {
	const provider = await start(t);
	const keyId = await world.aws.createKey({ region });
	const named = (key: string, name: string) => [
		"kms",
		"--key-id",
		key,
		...world.forWeb.slice(3, 7),
		"--service-account",
		"web",
		"--object",
		name,
	];
	const native = ["--dialect", "claviger"];
	const stays = await sealedEntry([...named(world.keyId, "stays"), ...native], "stays");
	const goes = await sealedEntry([...named(keyId, "goes"), ...native], "goes");
	const parameters = { objects: `${stays}${goes}`, files: "[{path: stays, from: stays}, {path: goes, from: goes}]" };
	const mount = (pod: Pod) => provider.mount("claviger", pod, parameters, { audience });
	t.is((await mount(web)).files.size, 2);
	const end = world.aws.fail({ operation: "Decrypt", name: keyId, effect: { kind: "error", code: "KMSInternalException", status: 500 } });
	const outage = await t.throwsAsync(mount(web), { instanceOf: CallFailure });
	t.is(outage?.errorCode, "unreachable");
	end();
	await world.aws.setKeyState(keyId, "Disabled");
	t.deepEqual([...(await mount(web)).files.keys()], ["stays"]);
	const fresh = await t.throwsAsync(mount(makePod({ namespace: "shop", serviceAccount: "web" })), { instanceOf: CallFailure });
	t.is(fresh?.errorCode, "denied");
	t.regex(fresh?.details ?? "", /"goes": The ciphertext of "goes" .* the key is disabled \(DisabledException\)/);
});

test("values that are bound to nothing are the administrator's to allow, whatever a class writes", async (t) => {
	const [forbidding, allowing] = [await start(t), await start(t, ", allowUnboundKms: true")];
	const unbound = ["kms", "--key-id", world.keyId, "--endpoint", world.aws.endpoints.kms, "--object", "any", "--bind", "none"];
	const objects = await sealedEntry(unbound, "anybody's");
	const refused = await t.throwsAsync(mountAws(forbidding, objects), { instanceOf: CallFailure });
	t.regex(refused?.details ?? "", /objects\[0\]\.bind is none, which the administrator does not allow/);
	t.is(textOf(await mountAws(allowing, objects), "any"), "anybody's");

	const native = await sealedEntry([...unbound, "--dialect", "claviger", "--store", "own"], "anybody's");
	const stores = `own: {type: aws, identity: pod, region: ${region}, allowUnboundKms: true}`;
	const files = "- {path: any, from: any}";
	const own = await t.throwsAsync(forbidding.mount("claviger", web, { stores, objects: native, files }, { audience }), {
		instanceOf: CallFailure,
	});
	t.is(own?.errorCode, "invalid");
	t.regex(own?.details ?? "", /stores\.own has options that only the administrator may write/);
});
