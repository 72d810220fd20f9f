// Made from protos/ by scripts/generate.ts. Do not edit.
import * as $protobuf from "protobufjs/minimal.js";

/** Namespace v1alpha1. */
export namespace v1alpha1 {

    /**
     * Properties of a VersionRequest.
     * @deprecated Use v1alpha1.VersionRequest.$Properties instead.
     */
    interface IVersionRequest extends v1alpha1.VersionRequest.$Properties {
    }

    /** Represents a VersionRequest. */
    class VersionRequest {

        /**
         * Constructs a new VersionRequest.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.VersionRequest.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** VersionRequest version. */
        version: string;

        /**
         * Encodes the specified VersionRequest message. Does not implicitly {@link v1alpha1.VersionRequest.verify|verify} messages.
         * @param message VersionRequest message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.VersionRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a VersionRequest message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.VersionRequest & v1alpha1.VersionRequest.$Shape} VersionRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.VersionRequest & v1alpha1.VersionRequest.$Shape;
    }

    namespace VersionRequest {

        /** Properties of a VersionRequest. */
        interface $Properties {

            /** VersionRequest version */
            version?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a VersionRequest. */
        type $Shape = v1alpha1.VersionRequest.$Properties;
    }

    /**
     * Properties of a VersionResponse.
     * @deprecated Use v1alpha1.VersionResponse.$Properties instead.
     */
    interface IVersionResponse extends v1alpha1.VersionResponse.$Properties {
    }

    /** Represents a VersionResponse. */
    class VersionResponse {

        /**
         * Constructs a new VersionResponse.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.VersionResponse.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** VersionResponse version. */
        version: string;

        /** VersionResponse runtimeName. */
        runtimeName: string;

        /** VersionResponse runtimeVersion. */
        runtimeVersion: string;

        /**
         * Encodes the specified VersionResponse message. Does not implicitly {@link v1alpha1.VersionResponse.verify|verify} messages.
         * @param message VersionResponse message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.VersionResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a VersionResponse message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.VersionResponse & v1alpha1.VersionResponse.$Shape} VersionResponse
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.VersionResponse & v1alpha1.VersionResponse.$Shape;
    }

    namespace VersionResponse {

        /** Properties of a VersionResponse. */
        interface $Properties {

            /** VersionResponse version */
            version?: (string|null);

            /** VersionResponse runtimeName */
            runtimeName?: (string|null);

            /** VersionResponse runtimeVersion */
            runtimeVersion?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a VersionResponse. */
        type $Shape = v1alpha1.VersionResponse.$Properties;
    }

    /**
     * Properties of a MountRequest.
     * @deprecated Use v1alpha1.MountRequest.$Properties instead.
     */
    interface IMountRequest extends v1alpha1.MountRequest.$Properties {
    }

    /** Represents a MountRequest. */
    class MountRequest {

        /**
         * Constructs a new MountRequest.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.MountRequest.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MountRequest attributes. */
        attributes: string;

        /** MountRequest secrets. */
        secrets: string;

        /** MountRequest targetPath. */
        targetPath: string;

        /** MountRequest permission. */
        permission: string;

        /** MountRequest currentObjectVersion. */
        currentObjectVersion: v1alpha1.ObjectVersion.$Properties[];

        /**
         * Encodes the specified MountRequest message. Does not implicitly {@link v1alpha1.MountRequest.verify|verify} messages.
         * @param message MountRequest message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.MountRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a MountRequest message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.MountRequest & v1alpha1.MountRequest.$Shape} MountRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.MountRequest & v1alpha1.MountRequest.$Shape;
    }

    namespace MountRequest {

        /** Properties of a MountRequest. */
        interface $Properties {

            /** MountRequest attributes */
            attributes?: (string|null);

            /** MountRequest secrets */
            secrets?: (string|null);

            /** MountRequest targetPath */
            targetPath?: (string|null);

            /** MountRequest permission */
            permission?: (string|null);

            /** MountRequest currentObjectVersion */
            currentObjectVersion?: (v1alpha1.ObjectVersion.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MountRequest. */
        type $Shape = v1alpha1.MountRequest.$Properties;
    }

    /**
     * Properties of a MountResponse.
     * @deprecated Use v1alpha1.MountResponse.$Properties instead.
     */
    interface IMountResponse extends v1alpha1.MountResponse.$Properties {
    }

    /** Represents a MountResponse. */
    class MountResponse {

        /**
         * Constructs a new MountResponse.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.MountResponse.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MountResponse objectVersion. */
        objectVersion: v1alpha1.ObjectVersion.$Properties[];

        /** MountResponse error. */
        error?: (v1alpha1.Error.$Properties|null);

        /** MountResponse files. */
        files: v1alpha1.File.$Properties[];

        /**
         * Encodes the specified MountResponse message. Does not implicitly {@link v1alpha1.MountResponse.verify|verify} messages.
         * @param message MountResponse message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.MountResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a MountResponse message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.MountResponse & v1alpha1.MountResponse.$Shape} MountResponse
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.MountResponse & v1alpha1.MountResponse.$Shape;
    }

    namespace MountResponse {

        /** Properties of a MountResponse. */
        interface $Properties {

            /** MountResponse objectVersion */
            objectVersion?: (v1alpha1.ObjectVersion.$Properties[]|null);

            /** MountResponse error */
            error?: (v1alpha1.Error.$Properties|null);

            /** MountResponse files */
            files?: (v1alpha1.File.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MountResponse. */
        type $Shape = v1alpha1.MountResponse.$Properties;
    }

    /**
     * Properties of a File.
     * @deprecated Use v1alpha1.File.$Properties instead.
     */
    interface IFile extends v1alpha1.File.$Properties {
    }

    /** Represents a File. */
    class File {

        /**
         * Constructs a new File.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.File.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** File path. */
        path: string;

        /** File mode. */
        mode: number;

        /** File contents. */
        contents: Uint8Array;

        /**
         * Encodes the specified File message. Does not implicitly {@link v1alpha1.File.verify|verify} messages.
         * @param message File message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.File.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes a File message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.File & v1alpha1.File.$Shape} File
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.File & v1alpha1.File.$Shape;
    }

    namespace File {

        /** Properties of a File. */
        interface $Properties {

            /** File path */
            path?: (string|null);

            /** File mode */
            mode?: (number|null);

            /** File contents */
            contents?: (Uint8Array|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a File. */
        type $Shape = v1alpha1.File.$Properties;
    }

    /**
     * Properties of an ObjectVersion.
     * @deprecated Use v1alpha1.ObjectVersion.$Properties instead.
     */
    interface IObjectVersion extends v1alpha1.ObjectVersion.$Properties {
    }

    /** Represents an ObjectVersion. */
    class ObjectVersion {

        /**
         * Constructs a new ObjectVersion.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.ObjectVersion.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** ObjectVersion id. */
        id: string;

        /** ObjectVersion version. */
        version: string;

        /**
         * Encodes the specified ObjectVersion message. Does not implicitly {@link v1alpha1.ObjectVersion.verify|verify} messages.
         * @param message ObjectVersion message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.ObjectVersion.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes an ObjectVersion message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.ObjectVersion & v1alpha1.ObjectVersion.$Shape} ObjectVersion
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.ObjectVersion & v1alpha1.ObjectVersion.$Shape;
    }

    namespace ObjectVersion {

        /** Properties of an ObjectVersion. */
        interface $Properties {

            /** ObjectVersion id */
            id?: (string|null);

            /** ObjectVersion version */
            version?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an ObjectVersion. */
        type $Shape = v1alpha1.ObjectVersion.$Properties;
    }

    /**
     * Properties of an Error.
     * @deprecated Use v1alpha1.Error.$Properties instead.
     */
    interface IError extends v1alpha1.Error.$Properties {
    }

    /** Represents an Error. */
    class Error {

        /**
         * Constructs a new Error.
         * @param [properties] Properties to set
         */
        constructor(properties?: v1alpha1.Error.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Error code. */
        code: string;

        /**
         * Encodes the specified Error message. Does not implicitly {@link v1alpha1.Error.verify|verify} messages.
         * @param message Error message or plain object to encode
         * @param [writer] Writer to encode to
         * @returns Writer
         */
        static encode(message: v1alpha1.Error.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

        /**
         * Decodes an Error message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {v1alpha1.Error & v1alpha1.Error.$Shape} Error
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): v1alpha1.Error & v1alpha1.Error.$Shape;
    }

    namespace Error {

        /** Properties of an Error. */
        interface $Properties {

            /** Error code */
            code?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an Error. */
        type $Shape = v1alpha1.Error.$Properties;
    }
}

/** Namespace grpc. */
export namespace grpc {

    /** Namespace health. */
    namespace health {

        /** Namespace v1. */
        namespace v1 {

            /**
             * Properties of a HealthCheckRequest.
             * @deprecated Use grpc.health.v1.HealthCheckRequest.$Properties instead.
             */
            interface IHealthCheckRequest extends grpc.health.v1.HealthCheckRequest.$Properties {
            }

            /** Represents a HealthCheckRequest. */
            class HealthCheckRequest {

                /**
                 * Constructs a new HealthCheckRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckRequest service. */
                service: string;

                /**
                 * Encodes the specified HealthCheckRequest message. Does not implicitly {@link grpc.health.v1.HealthCheckRequest.verify|verify} messages.
                 * @param message HealthCheckRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape} HealthCheckRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
            }

            namespace HealthCheckRequest {

                /** Properties of a HealthCheckRequest. */
                interface $Properties {

                    /** HealthCheckRequest service */
                    service?: (string|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckRequest. */
                type $Shape = grpc.health.v1.HealthCheckRequest.$Properties;
            }

            /**
             * Properties of a HealthCheckResponse.
             * @deprecated Use grpc.health.v1.HealthCheckResponse.$Properties instead.
             */
            interface IHealthCheckResponse extends grpc.health.v1.HealthCheckResponse.$Properties {
            }

            /** Represents a HealthCheckResponse. */
            class HealthCheckResponse {

                /**
                 * Constructs a new HealthCheckResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthCheckResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthCheckResponse status. */
                status: grpc.health.v1.HealthCheckResponse.ServingStatus;

                /**
                 * Encodes the specified HealthCheckResponse message. Does not implicitly {@link grpc.health.v1.HealthCheckResponse.verify|verify} messages.
                 * @param message HealthCheckResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthCheckResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape} HealthCheckResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
            }

            namespace HealthCheckResponse {

                /** Properties of a HealthCheckResponse. */
                interface $Properties {

                    /** HealthCheckResponse status */
                    status?: (grpc.health.v1.HealthCheckResponse.ServingStatus|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthCheckResponse. */
                type $Shape = grpc.health.v1.HealthCheckResponse.$Properties;

                /** ServingStatus enum. */
                enum ServingStatus {

                    /** UNKNOWN value */
                    UNKNOWN = 0,

                    /** SERVING value */
                    SERVING = 1,

                    /** NOT_SERVING value */
                    NOT_SERVING = 2,

                    /** SERVICE_UNKNOWN value */
                    SERVICE_UNKNOWN = 3
                }
            }

            /**
             * Properties of a HealthListRequest.
             * @deprecated Use grpc.health.v1.HealthListRequest.$Properties instead.
             */
            interface IHealthListRequest extends grpc.health.v1.HealthListRequest.$Properties {
            }

            /** Represents a HealthListRequest. */
            class HealthListRequest {

                /**
                 * Constructs a new HealthListRequest.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthListRequest.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /**
                 * Encodes the specified HealthListRequest message. Does not implicitly {@link grpc.health.v1.HealthListRequest.verify|verify} messages.
                 * @param message HealthListRequest message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthListRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthListRequest message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthListRequest & grpc.health.v1.HealthListRequest.$Shape} HealthListRequest
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthListRequest & grpc.health.v1.HealthListRequest.$Shape;
            }

            namespace HealthListRequest {

                /** Properties of a HealthListRequest. */
                interface $Properties {

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthListRequest. */
                type $Shape = grpc.health.v1.HealthListRequest.$Properties;
            }

            /**
             * Properties of a HealthListResponse.
             * @deprecated Use grpc.health.v1.HealthListResponse.$Properties instead.
             */
            interface IHealthListResponse extends grpc.health.v1.HealthListResponse.$Properties {
            }

            /** Represents a HealthListResponse. */
            class HealthListResponse {

                /**
                 * Constructs a new HealthListResponse.
                 * @param [properties] Properties to set
                 */
                constructor(properties?: grpc.health.v1.HealthListResponse.$Properties);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];

                /** HealthListResponse statuses. */
                statuses: { [k: string]: grpc.health.v1.HealthCheckResponse.$Properties };

                /**
                 * Encodes the specified HealthListResponse message. Does not implicitly {@link grpc.health.v1.HealthListResponse.verify|verify} messages.
                 * @param message HealthListResponse message or plain object to encode
                 * @param [writer] Writer to encode to
                 * @returns Writer
                 */
                static encode(message: grpc.health.v1.HealthListResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

                /**
                 * Decodes a HealthListResponse message from the specified reader or buffer.
                 * @param reader Reader or buffer to decode from
                 * @param [length] Message length if known beforehand
                 * @returns {grpc.health.v1.HealthListResponse & grpc.health.v1.HealthListResponse.$Shape} HealthListResponse
                 * @throws {Error} If the payload is not a reader or valid buffer
                 * @throws {$protobuf.util.ProtocolError} If required fields are missing
                 */
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthListResponse & grpc.health.v1.HealthListResponse.$Shape;
            }

            namespace HealthListResponse {

                /** Properties of a HealthListResponse. */
                interface $Properties {

                    /** HealthListResponse statuses */
                    statuses?: ({ [k: string]: grpc.health.v1.HealthCheckResponse.$Properties }|null);

                    /** Unknown fields preserved while decoding when enabled */
                    $unknowns?: Uint8Array[];
                }

                /** Shape of a HealthListResponse. */
                type $Shape = grpc.health.v1.HealthListResponse.$Properties;
            }
        }
    }
}
