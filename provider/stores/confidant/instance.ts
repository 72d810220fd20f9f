import {
	type AwsPlaces,
	audiences,
	type EndpointOptions,
	endpointOf,
	readEndpointOptions,
	regionOfEnvironment,
	regionRemedy,
	writtenEndpoint,
} from "../../aws/endpoints.ts";
import { isRegion } from "../../aws/regions.ts";
import { roleAnnotation } from "../../aws/role.ts";
import { type Address, faultyAddress, parseAddress } from "../../net/address.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import { parseDuration } from "../../plan/native/duration.ts";
import { kmsKeyRemedy, readKmsKeyName } from "../../sealing/kms-key.ts";
import type { StoreInstance } from "../store.ts";
import { isPlainName, nameRemedy } from "./names.ts";

/** One Confidant server, and how a pod's role proves to it who it is. */
export interface ConfidantInstance extends StoreInstance, AwsPlaces {
	readonly address: Address;
	readonly tls: TlsOptions;
	/** The key that tokens are made with: an ARN, or an id or alias of the role's own account. */
	readonly authKey: string;
	/** What the server calls itself (its `AUTH_CONTEXT`). */
	readonly to: string;
	/** The service that the pod proves to be; empty: the one of its role's name. */
	readonly from: string;
	/** The service whose credentials are read; empty: the one that the pod proves to be. */
	readonly service: string;
	readonly tokenVersion: 1 | 2;
	/** From a token's `not_before` to its `not_after`. */
	readonly tokenSeconds: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const services = ["kms", "sts"] as const;
const usualTokenSeconds = 600;
/** A token begins three minutes early and is renewed three minutes before its end, so a shorter one would never be used. */
const shortestTokenSeconds = 420;
/** The server's `AUTH_TOKEN_MAX_LIFETIME` unless set otherwise. */
const longestTokenSeconds = 3600;

/** Reads an entry under `stores`. */
export function readInstance(name: string, fields: Fields, environment: Environment = process.env): ConfidantInstance {
	const address = readAddress(fields);
	const region = readRegion(fields, environment);
	const tls = readTls(fields);
	const options = {
		authKey: readAuthKey(fields, region),
		to: fields.required("to", "Write the server's AUTH_CONTEXT, such as confidant-production."),
		from: readName(fields, "from"),
		service: readName(fields, "service"),
		tokenVersion: fields.oneOf("tokenVersion", ["1", "2"], "2") === "1" ? (1 as const) : (2 as const),
		tokenSeconds: readLifetime(fields),
	};
	const endpointOptions = readEndpointOptions(fields, services, environment);
	return {
		...options,
		...endpointOptions,
		...judgedParts(address, region, endpointOptions),
		name,
		type: "confidant",
		key: keyOf([address.text, tls, region, options, { ...endpointOptions }]),
		address,
		tls,
		region,
		defaultAudience: audiences.web,
		roleAnnotation,
		skipsTlsVerification: address.scheme === "https" && tls.skipVerification === true,
		// The authorities are named by their path in the provider's own container, where only the administrator puts files.
		bringsOwnTrust: false,
	};
}

/** Each part is made by code that writes its members in one order, so equal options are equal texts. */
function keyOf(parts: readonly unknown[]): string {
	return JSON.stringify(["confidant", ...parts]);
}

/** What policy judges: Confidant's address is somebody's choice, those of AWS follow from the region unless the administrator writes them. */
function judgedParts(address: Address, region: string, options: EndpointOptions) {
	const { serviceEndpoints } = options;
	const derived = services.filter((service) => writtenEndpoint(serviceEndpoints, service, region) === undefined);
	return {
		endpoints: [...new Set([address.text, ...services.map((service) => endpointOf(options, service, region))])],
		derivedEndpoints: derived.map((service) => endpointOf(options, service, region)),
		administratorsOnly: Object.keys(serviceEndpoints).length > 0,
	};
}

function readAddress(fields: Fields): Address {
	const text = fields.required("address", "Write it as https://confidant.example.");
	if (text === "") return faultyAddress;
	const address = parseAddress(text);
	if (!("problem" in address)) return address;
	fields.reject("address", address.problem, address.remedy);
	return faultyAddress;
}

function readRegion(fields: Fields, environment: Environment): string {
	const text = fields.text("region") || regionOfEnvironment(environment);
	if (isRegion(text)) return text;
	fields.reject("region", text === "" ? "is missing" : `is ${quote(text)}, which is no region`, regionRemedy);
	return "";
}

function readAuthKey(fields: Fields, region: string): string {
	const text = fields.required("authKey", "Write the server's AUTH_KEY, such as alias/auth-production.");
	if (text === "") return text;
	const name = readKmsKeyName(text);
	if (name === undefined) fields.reject("authKey", `is ${quote(text)}, which names no key`, kmsKeyRemedy);
	if (name?.region !== undefined && region !== "" && name.region !== region)
		fields.reject("authKey", `is a key of ${name.region}, and the region is ${region}`, "Name the key in that region.");
	return text;
}

function readName(fields: Fields, key: "from" | "service"): string {
	const text = fields.text(key) ?? "";
	if (text !== "" && !isPlainName(text)) fields.reject(key, `is ${quote(text)}, which names no service`, nameRemedy);
	return text;
}

function readLifetime(fields: Fields): number {
	const text = fields.text("tokenLifetime");
	if (text === undefined) return usualTokenSeconds;
	const seconds = parseDuration(text);
	if (seconds !== undefined && seconds >= shortestTokenSeconds && seconds <= longestTokenSeconds) return seconds;
	fields.reject("tokenLifetime", `is ${quote(text)}`, "Write a duration from 7m to 60m; the server may allow less than 60m.");
	return usualTokenSeconds;
}

function readTls(fields: Fields): TlsOptions {
	const [caFile, caDirectory, serverName] = [fields.text("caFile"), fields.text("caDirectory"), fields.text("tlsServerName")];
	return {
		...(caFile ? { caFile } : {}),
		...(caDirectory ? { caDirectory } : {}),
		...(serverName ? { serverName } : {}),
		...(fields.boolean("skipTlsVerify") ? { skipVerification: true } : {}),
	};
}
