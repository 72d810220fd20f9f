import type { KMSClient, KMSClientConfig } from "@aws-sdk/client-kms";
import type { SecretsManagerClient, SecretsManagerClientConfig } from "@aws-sdk/client-secrets-manager";
import type { SSMClient, SSMClientConfig } from "@aws-sdk/client-ssm";
import type { STSClient, STSClientConfig } from "@aws-sdk/client-sts";
import type { AwsService } from "./endpoints.ts";
import type { TransportHandler } from "./http-handler.ts";

/** The SDK's client of each service. */
export interface ServiceClients {
	readonly secretsmanager: SecretsManagerClient;
	readonly ssm: SSMClient;
	readonly kms: KMSClient;
	readonly sts: STSClient;
}

/** What AWS signs requests with, for a time. */
export interface AwsCredentials {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken: string;
}

export interface ClientOptions {
	readonly region: string;
	readonly endpoint: string;
	/** Absent for the call that gets them. */
	readonly credentials: AwsCredentials | undefined;
	readonly requestHandler: TransportHandler;
}

/**
 * Makes a client for one service in one region as one identity; its code loads on the first use of the service.
 * Everything is said outright that the SDK would else look for in the process's environment, in files or at the node:
 * it would find other credentials and other addresses there. It never tries again by itself.
 */
export async function makeClient<Service extends AwsService>(service: Service, options: ClientOptions): Promise<ServiceClients[Service]> {
	const { credentials = noCredentials } = options;
	const config: Config = {
		...options,
		credentials,
		maxAttempts: 1,
		retryMode: "standard",
		defaultsMode: "standard",
		useFipsEndpoint: false,
		useDualstackEndpoint: false,
		authSchemePreference: [],
		userAgentAppId: "claviger",
	};
	return (await constructors[service](config)) as ServiceClients[Service];
}

type Config = SecretsManagerClientConfig & SSMClientConfig & KMSClientConfig & STSClientConfig;

const constructors = {
	secretsmanager: async (config: Config) => new (await import("@aws-sdk/client-secrets-manager")).SecretsManagerClient(config),
	ssm: async (config: Config) => new (await import("@aws-sdk/client-ssm")).SSMClient(config),
	kms: async (config: Config) => new (await import("@aws-sdk/client-kms")).KMSClient(config),
	sts: async (config: Config) => new (await import("@aws-sdk/client-sts")).STSClient(config),
} as const satisfies { readonly [Service in AwsService]: (config: Config) => Promise<ServiceClients[Service]> };

/** For the calls of STS that are not signed. Without it the SDK would have its chain of other people's credentials at hand. */
function noCredentials(): Promise<never> {
	return Promise.reject(new Error("a call without credentials asked for some"));
}
