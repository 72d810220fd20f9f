import type { MethodDefinition } from "@grpc/grpc-js";
import type { Reader, Writer } from "protobufjs/minimal.js";
import { asBuffer, type DecodedMountRequest, decodeMountRequest } from "./codec.ts";
import { grpc, v1alpha1 } from "./generated/codec.js";

/** A message class of the generated codec. */
interface Codec<Written, Read extends Written> {
	encode(message: Written): Writer;
	decode(bytes: Reader | Uint8Array): Read;
}

const { VersionRequest, VersionResponse, MountRequest } = v1alpha1;
const { HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse } = grpc.health.v1;

const driverPath = "/v1alpha1.CSIDriverProvider";
const healthPath = "/grpc.health.v1.Health";

/** The contract's Version method; also used to ask who answers on a socket. */
export const versionMethod = method(`${driverPath}/Version`, VersionRequest, VersionResponse);

/**
 * The driver's contract. Mount's request is decoded without throwing, and its response is encoded
 * by the handler, where a size that the driver would refuse can still be answered with a clear text.
 */
export const driverDefinition = {
	version: versionMethod,
	mount: {
		path: `${driverPath}/Mount`,
		requestStream: false,
		responseStream: false,
		requestSerialize: (request) => (request instanceof Error ? Buffer.alloc(0) : asBuffer(MountRequest.encode(request).finish())),
		requestDeserialize: decodeMountRequest,
		responseSerialize: (bytes) => bytes,
		responseDeserialize: (bytes) => bytes,
	} satisfies MethodDefinition<DecodedMountRequest, Buffer>,
};

/** The standard health service. */
export const healthDefinition = {
	check: method(`${healthPath}/Check`, HealthCheckRequest, HealthCheckResponse),
	watch: { ...method(`${healthPath}/Watch`, HealthCheckRequest, HealthCheckResponse), responseStream: true },
	list: method(`${healthPath}/List`, HealthListRequest, HealthListResponse),
};

function method<Request, ReadRequest extends Request, Response, ReadResponse extends Response>(
	path: string,
	request: Codec<Request, ReadRequest>,
	response: Codec<Response, ReadResponse>,
) {
	return {
		path,
		requestStream: false,
		responseStream: false,
		requestSerialize: (message: Request) => asBuffer(request.encode(message).finish()),
		requestDeserialize: (bytes: Buffer) => request.decode(bytes),
		responseSerialize: (message: Response) => asBuffer(response.encode(message).finish()),
		responseDeserialize: (bytes: Buffer) => response.decode(bytes),
	};
}
