import { KMSClient } from "@aws-sdk/client-kms";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import { STSClient } from "@aws-sdk/client-sts";
import type { AwsServers } from "./aws.ts";
import type { AwsCredentials } from "./sessions.ts";

/** How an official client is set up against the test's servers. */
export interface ClientSettings {
	/** Default: the operator's keys. */
	readonly credentials?: AwsCredentials;
	/** Default `us-east-1`. */
	readonly region?: string;
	/** Added to each endpoint, such as `/us-east-1`. */
	readonly path?: string;
	/** How wrong the client's clock is. */
	readonly systemClockOffset?: number;
}

export interface Clients {
	readonly secrets: SecretsManagerClient;
	readonly parameters: SSMClient;
	readonly keys: KMSClient;
	readonly tokens: STSClient;
}

/** The vendor's own clients, which try once. */
export function officialClients({ endpoints, operator }: AwsServers, settings: ClientSettings = {}): Clients {
	const { credentials = operator, region = "us-east-1", path = "", systemClockOffset = 0 } = settings;
	const common = { credentials, region, systemClockOffset, maxAttempts: 1 };
	return {
		secrets: new SecretsManagerClient({ ...common, endpoint: `${endpoints.secretsmanager}${path}` }),
		parameters: new SSMClient({ ...common, endpoint: `${endpoints.ssm}${path}` }),
		keys: new KMSClient({ ...common, endpoint: `${endpoints.kms}${path}` }),
		tokens: new STSClient({ ...common, endpoint: `${endpoints.sts}${path}` }),
	};
}
