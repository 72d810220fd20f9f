import type { JSONWebKeySet } from "jose";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import type { RunningStore, StoreOffer, StorePlace } from "../store-case.ts";
import { type CaseTraits, token, UsualCase, usualFiles } from "../usual-case.ts";

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
			const address = place.newAddress();
			await place.node.connect([{ address, port, server }]);
			const role = await makeRole(aws, place);
			return await describe(aws, role, `http://${address}:${port}`);
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
			[compatible, await UsualCase.make(await compatibleTraits(aws))],
			[native, await UsualCase.make(await nativeTraits(aws, role))],
		]),
		stop: () => aws.stop(),
	};
}

/** A class as it is written for today's provider, with the role of the annotation; the secret is deleted. */
async function compatibleTraits(aws: AwsServers): Promise<CaseTraits> {
	const folder = folders[compatible];
	const objects = [
		{
			objectName: `${folder}/app`,
			objectType: "secretsmanager",
			objectAlias: "nested/app",
			jmesPath: [{ path: "password", objectAlias: "password" }],
		},
		{ objectName: `${folder}/token`, objectType: "secretsmanager", objectAlias: "token" },
		{ objectName: `/${folder}/stays`, objectType: "ssmparameter", objectAlias: "stays" },
	];
	return {
		provider: "aws",
		parameters: () => ({ pathTranslation: "False", objects: JSON.stringify(objects) }),
		onRevoked: "kept",
		refusal: /An IAM role must be associated with service account default/,
		stays: await putParameter(aws, folder),
		write: (password) => putApp(aws, folder, password),
		revoke: () => aws.deleteSecret(`${folder}/token`),
		restore: async () => void (await aws.putSecret(`${folder}/token`, token)),
	};
}

/** A class of the own dialect, with the role of the policy file; the role loses its right to the secret. */
async function nativeTraits(aws: AwsServers, role: string): Promise<CaseTraits> {
	const folder = folders[native];
	const objects = [
		{ name: "app", store: "aws", path: `${folder}/app` },
		{ name: "token", store: "aws", path: `${folder}/token` },
		{ name: "stays", store: "aws", path: `/${folder}/stays`, service: "ssm" },
	];
	await aws.putSecret(`${folder}/token`, token);
	return {
		provider: "claviger",
		parameters: () => ({ stores: "[aws]", objects: JSON.stringify(objects), files: JSON.stringify(usualFiles) }),
		onRevoked: "removed",
		refusal: /STS in us-east-1 refuses the role .* of service account negative-test-ns\/default/,
		stays: await putParameter(aws, folder),
		write: (password) => putApp(aws, folder, password),
		revoke: async () => permit(aws, role, [`${folder}/token`]),
		restore: async () => permit(aws, role),
	};
}

/** @returns what it holds */
async function putParameter(aws: AwsServers, folder: string): Promise<string> {
	await aws.putParameter(`/${folder}/stays`, "unchanged\n");
	return "unchanged\n";
}

/** Writes a secret of two parts. @returns it */
async function putApp(aws: AwsServers, folder: string, password: string): Promise<string> {
	const app = JSON.stringify({ user: "app", password });
	await aws.putSecret(`${folder}/app`, app);
	return app;
}
