import type { JSONWebKeySet } from "jose";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import type { RunningStore, StoreCase, StoreOffer, StorePlace } from "../store-case.ts";

const port = 4566;
const compatible = "aws";
const native = "aws-native";
/** What the secrets of each case are below; parameters whose names begin with `aws` are AWS's own. */
const folders = { [compatible]: "shop/compatible", [native]: "shop/native" } as const;

/** Secrets Manager, Parameter Store, and STS, which knows the cluster's keys. The pods' accounts have one role. */
export const offer: StoreOffer = {
	name: "aws",
	providers: ["aws"],
	audiences: ["sts.amazonaws.com"],
	cases: [compatible, native],
	async start(place) {
		const aws = await startAws(undefined);
		try {
			const server = Number(new URL(aws.endpoints.sts).port);
			await place.node.connect([{ address: place.address, port, server }]);
			const role = await makeRole(aws, place);
			return await describe(aws, role, `http://${place.address}:${port}`);
		} catch (error) {
			await aws.stop();
			throw error;
		}
	},
};

/** The role that the accounts name in their annotation, and that trusts them. @returns its ARN */
async function makeRole(aws: AwsServers, { cluster, namespaces }: StorePlace): Promise<string> {
	const role = aws.roleArn("app");
	const issuer = { issuer: cluster.address, keys: (await cluster.jwks()) as JSONWebKeySet };
	const objects = new Objects(cluster);
	permit(aws, role);
	for (const namespace of namespaces) {
		aws.trust(role, { issuer, subject: `system:serviceaccount:${namespace}:default` });
		const account = { apiVersion: "v1", kind: "ServiceAccount", namespace, name: "default" };
		await objects.change(account, { metadata: { annotations: { "eks.amazonaws.com/role-arn": role } } });
	}
	return role;
}

/** Lets the role read what is in both folders, except some of it. */
function permit(aws: AwsServers, role: string, denied: readonly string[] = []): void {
	const paths = Object.values(folders);
	aws.permit(role, {
		allow: [
			{ actions: ["secretsmanager:GetSecretValue"], resources: paths.map((path) => `${path}/*`) },
			{ actions: ["secretsmanager:BatchGetSecretValue"] },
			{ actions: ["ssm:GetParameters"], resources: paths.map((path) => `/${path}/*`) },
		],
		deny: [{ actions: ["*"], resources: denied }],
	});
}

async function describe(aws: AwsServers, role: string, address: string): Promise<RunningStore> {
	const options = { region: "us-east-1", endpoints: { secretsmanager: address, ssm: address, sts: address } };
	return {
		policy: { stores: { aws: { type: "aws", role, ...options } }, dialects: { aws: options } },
		values: { roleAnnotations: { enabled: true } },
		// The role is one identity in both dialects, and logs in once; each case has two secrets for one call, and a parameter.
		callsForAll: 1 + 2 * offer.cases.length,
		calls: () => aws.count(),
		cases: new Map([
			[compatible, await AwsCase.make(aws, folders[compatible], compatibleTraits(aws))],
			[native, await AwsCase.make(aws, folders[native], nativeTraits(aws, role))],
		]),
		stop: () => aws.stop(),
	};
}

/** In what the cases differ. */
interface Traits extends Pick<StoreCase, "provider" | "parameters" | "onRevoked" | "refusal"> {
	/** The file of the parameter. */
	readonly parameterFile: string;
	revoke(secret: string): Promise<void>;
	/** Takes back what {@link Traits.revoke} did, as far as writing the secret anew does not. */
	restore(): void;
}

/** A class as it is written for today's provider, with the role of the annotation; the secret is deleted. */
function compatibleTraits(aws: AwsServers): Traits {
	const folder = folders[compatible];
	const objects = [
		{
			objectName: `${folder}/app`,
			objectType: "secretsmanager",
			objectAlias: "nested/app.json",
			jmesPath: [{ path: "password", objectAlias: "password" }],
		},
		{ objectName: `${folder}/token`, objectType: "secretsmanager", objectAlias: "token" },
		{ objectName: `/${folder}/stays`, objectType: "ssmparameter" },
	];
	return {
		provider: "aws",
		parameters: { pathTranslation: "False", objects: JSON.stringify(objects) },
		onRevoked: "kept",
		refusal: /An IAM role must be associated with service account default/,
		parameterFile: `${folder}/stays`,
		revoke: (secret) => aws.deleteSecret(secret),
		restore: () => {},
	};
}

/** A class of the own dialect, with the role of the policy file; the role loses its right to the secret. */
function nativeTraits(aws: AwsServers, role: string): Traits {
	const folder = folders[native];
	const objects = [
		{ name: "app", store: "aws", path: `${folder}/app` },
		{ name: "token", store: "aws", path: `${folder}/token` },
		{ name: "stays", store: "aws", path: `/${folder}/stays`, service: "ssm" },
	];
	const files = [
		{ path: "password", from: "app", key: "password" },
		{ path: "nested/app.json", from: "app" },
		{ path: "token", from: "token" },
		{ path: "stays", from: "stays" },
	];
	return {
		provider: "claviger",
		parameters: { stores: "[aws]", objects: JSON.stringify(objects), files: JSON.stringify(files) },
		onRevoked: "removed",
		refusal: /STS in us-east-1 refuses the role .* of service account negative-test-ns\/default/,
		parameterFile: "stays",
		revoke: async (secret) => permit(aws, role, [secret]),
		restore: () => permit(aws, role),
	};
}

/** The secret `app` changes and is in two files, `token` is taken away, the parameter `stays` is left alone. */
class AwsCase implements StoreCase {
	readonly changing = "password";
	readonly revocable = "token";
	readonly sync = { username: "password", nested: "nested/app.json" };
	readonly files = new Map<string, string>();
	readonly provider: string;
	readonly parameters: StoreCase["parameters"];
	readonly onRevoked: StoreCase["onRevoked"];
	readonly refusal: RegExp;
	readonly #aws: AwsServers;
	readonly #folder: string;
	readonly #traits: Traits;
	#changes = 0;

	private constructor(aws: AwsServers, folder: string, traits: Traits) {
		this.#aws = aws;
		this.#folder = folder;
		this.#traits = traits;
		this.provider = traits.provider;
		this.parameters = traits.parameters;
		this.onRevoked = traits.onRevoked;
		this.refusal = traits.refusal;
	}

	static async make(aws: AwsServers, folder: string, traits: Traits): Promise<AwsCase> {
		const made = new AwsCase(aws, folder, traits);
		await made.change();
		await made.restore();
		await aws.putParameter(`/${folder}/stays`, "unchanged\n");
		made.files.set(traits.parameterFile, "unchanged\n");
		return made;
	}

	async change(): Promise<string> {
		this.#changes += 1;
		const password = `hello ${this.#changes} "ü" $x`;
		const app = JSON.stringify({ user: "app", password });
		await this.#aws.putSecret(`${this.#folder}/app`, app);
		this.files.set("password", password).set("nested/app.json", app);
		return password;
	}

	async revoke(): Promise<void> {
		await this.#traits.revoke(`${this.#folder}/token`);
		if (this.onRevoked === "removed") this.files.delete("token");
	}

	async restore(): Promise<void> {
		this.#traits.restore();
		await this.#aws.putSecret(`${this.#folder}/token`, "hello1");
		this.files.set("token", "hello1");
	}
}
