import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import type { AwsServers } from "../servers/aws/aws.ts";
import type { IssuerKeys } from "../servers/aws/trust.ts";
import { allowances, readTrust, type Trust } from "./aws-policies.ts";

type Parameters = Readonly<Record<string, string>>;

/**
 * The parts of an AWS account that the servers of the tests leave to their levers: IAM and EKS. It takes what the
 * stand-in for `aws` sends, reads the documents as IAM does, and sets the servers accordingly.
 */
export class AwsDesk {
	readonly #aws: AwsServers;
	readonly #cluster: IssuerKeys;
	/** Of the providers of identities, by the ARN's last part. */
	readonly #audiences = new Map<string, string>();
	readonly #trusts = new Map<string, Trust>();
	readonly #policies = new Map<string, Map<string, string>>();
	readonly #server = createServer(async (incoming, outgoing) => {
		try {
			// Before the head is written: a refusal has another one.
			const answer = await this.#answer(incoming);
			outgoing.writeHead(200).end(JSON.stringify(answer));
		} catch (error) {
			outgoing.writeHead(400).end(String(error));
		}
	});

	private constructor(aws: AwsServers, cluster: IssuerKeys) {
		this.#aws = aws;
		this.#cluster = cluster;
	}

	/** @returns its address. It ends with the test */
	static async open(t: ExecutionContext<unknown>, aws: AwsServers, cluster: IssuerKeys): Promise<string> {
		const desk = new AwsDesk(aws, cluster);
		desk.#server.listen(0, "127.0.0.1");
		await once(desk.#server, "listening");
		t.teardown(() => desk.#server.close());
		return `http://127.0.0.1:${(desk.#server.address() as AddressInfo).port}`;
	}

	async #answer(incoming: IncomingMessage): Promise<unknown> {
		const { operation, parameters } = JSON.parse(await readText(incoming)) as {
			readonly operation: string;
			readonly parameters: Parameters;
		};
		const operations: Readonly<Record<string, (parameters: Parameters) => object>> = {
			"sts get-caller-identity": () => ({ Account: this.#aws.account }),
			"iam create-open-id-connect-provider": (each) => this.#createProvider(each),
			"iam create-role": (each) => this.#createRole(each),
			"iam put-role-policy": (each) => this.#putRolePolicy(each),
			"eks create-addon": (each) => this.#createAddon(each),
			"eks create-pod-identity-association": (each) => this.#associate(each),
		};
		const perform = operations[operation];
		if (perform === undefined) throw new Error("the documents' tests do not know this command");
		return perform(parameters);
	}

	#createProvider({ url = "", "client-id-list": audience = "" }: Parameters): object {
		if (url !== this.#cluster.issuer) throw new Error(`${url} is not the cluster's issuer, ${this.#cluster.issuer}`);
		this.#audiences.set(url.replace("https://", ""), audience);
		return { OpenIDConnectProviderArn: this.#providerArn };
	}

	get #providerArn(): string {
		return `arn:aws:iam::${this.#aws.account}:oidc-provider/${this.#cluster.issuer.replace("https://", "")}`;
	}

	#createRole({ "role-name": name = "", "assume-role-policy-document": document = "" }: Parameters): object {
		const trust = readTrust(document);
		this.#trusts.set(name, trust);
		const role = this.#aws.roleArn(name);
		if (trust.kind === "pod") return { Role: { Arn: role } };
		const host = this.#cluster.issuer.replace("https://", "");
		if (trust.provider !== this.#providerArn || !this.#audiences.has(host)) throw new Error(`there is no provider ${trust.provider}`);
		const [subject, audience] = [trust.conditions[`${host}:sub`], trust.conditions[`${host}:aud`]];
		if (subject === undefined || audience === undefined) throw new Error("the trust policy lets every service account in");
		if (audience !== this.#audiences.get(host)) throw new Error(`the provider does not know the audience ${audience}`);
		this.#aws.trust(role, { issuer: this.#cluster, subject, audience });
		return { Role: { Arn: role } };
	}

	#putRolePolicy({ "role-name": name = "", "policy-name": policy = "", "policy-document": document = "" }: Parameters): object {
		if (!this.#trusts.has(name)) throw new Error(`there is no role ${name}`);
		const policies = this.#policies.get(name) ?? new Map<string, string>();
		this.#policies.set(name, policies.set(policy, document));
		this.#aws.permit(this.#aws.roleArn(name), { allow: [...policies.values()].flatMap(allowances) });
		return {};
	}

	#createAddon({ "cluster-name": cluster = "", "addon-name": addon = "" }: Parameters): object {
		if (cluster === "" || addon !== "eks-pod-identity-agent") throw new Error(`there is no add-on ${addon}`);
		return {};
	}

	#associate(parameters: Parameters): object {
		const { "cluster-name": cluster = "", namespace = "", "service-account": serviceAccount = "", "role-arn": role = "" } = parameters;
		if ([cluster, namespace, serviceAccount].includes("")) throw new Error("cluster, namespace or service account is missing");
		const [, name = ""] = role.split(":role/");
		if (this.#aws.roleArn(name) !== role || this.#trusts.get(name)?.kind !== "pod") throw new Error(`${role} does not trust the agent`);
		this.#aws.associate(role, { issuer: this.#cluster, namespace, serviceAccount });
		return {};
	}
}
