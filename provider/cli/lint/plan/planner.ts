import { Dialects, nativeProvider } from "../../../dialects.ts";
import { ProviderError } from "../../../errors.ts";
import { type Fault, faultsOf } from "../../../plan/faults.ts";
import type { MountPlan, PlannedStore } from "../../../plan/mount-plan.ts";
import type { MountRequest } from "../../../plan/mount-request.ts";
import { planNative, storeTypesIn } from "../../../plan/native/index.ts";
import { audienceOwners, judgeAudience } from "../../../policy/audiences.ts";
import { judgeEndpoint } from "../../../policy/endpoints.ts";
import { emptyPolicy, type Policy } from "../../../policy/policy-file.ts";
import { StoreRegistry } from "../../../store-registry.ts";
import { stores } from "../../../stores/index.ts";
import type { Dialect, Holder } from "../../../stores/module.ts";
import { inspectObjects, type PlacedRemark } from "../../object-remarks.ts";
import { assumedStores } from "./assumed-stores.ts";
import { ReadParameters } from "./read-parameters.ts";

/** What Mount would say to a class. */
export interface PlannedClass {
	/** Absent when there are faults. */
	readonly plan?: MountPlan;
	readonly faults: readonly Fault[];
	/** Parameters that the dialect never looked at. */
	readonly unread: readonly string[];
	/** Parameters that it looked for in vain. */
	readonly missed: readonly string[];
	/** See {@link Dialect.objectsParameter}. */
	readonly objectsParameter: string;
	/** See {@link Dialect.objectFields}. */
	readonly objectFields: readonly string[] | undefined;
	/** See {@link Dialect.ignoresCase}. */
	readonly ignoresCase: boolean;
}

/** What policy says of one store of a plan. */
export interface PolicyRemark {
	readonly rule: "policy-refused" | "policy-warning";
	readonly parameter: string;
	readonly cause: string;
	readonly remedy: string;
}

const kubeletPrefix = "csi.storage.k8s.io/";

/** Plans classes by the very code that Mount plans them by. */
export class Planner {
	/** The provider names that classes may have. */
	readonly providers: readonly string[];
	readonly #registry: StoreRegistry;
	readonly #dialects: Dialects;
	readonly #policy: Policy | undefined;
	readonly #owners = audienceOwners(stores);

	private constructor(registry: StoreRegistry, dialects: Dialects, policy: Policy | undefined, providers: readonly string[]) {
		this.#registry = registry;
		this.#dialects = dialects;
		this.#policy = policy;
		this.providers = providers;
	}

	/**
	 * @param policy undefined: addresses and audiences are not judged, and the administrator's stores are taken on trust
	 * @param providers undefined: all that Claviger has dialects for
	 * @throws ProviderError `invalid` for a faulty policy
	 */
	static async open(policy: Policy | undefined, providers: readonly string[] | undefined): Promise<Planner> {
		const registry = new StoreRegistry(stores);
		const known = [nativeProvider, ...registry.entries.flatMap(({ dialects }) => dialects)];
		const dialects = await Dialects.open(registry, policy ?? emptyPolicy([]), known);
		return new Planner(registry, dialects, policy, providers ?? known);
	}

	get judges(): boolean {
		return this.#policy !== undefined;
	}

	/** Whether the parameters of a provider's classes can be planned here. */
	speaks(provider: string): boolean {
		return provider === nativeProvider || this.#registry.typeOfDialect(provider) !== undefined;
	}

	/** @param parameters of the class, overlaid by a pod's volumeAttributes where a pod is meant */
	async plan(provider: string, parameters: ReadonlyMap<string, string>, namespace: string): Promise<PlannedClass> {
		const read = new ReadParameters([...parameters].filter(([key]) => key !== "secretProviderClass" && !key.startsWith(kubeletPrefix)));
		const request = requestOf(provider, read, namespace);
		const dialect = await this.#dialect(request);
		const { objectsParameter = "objects", objectFields, ignoresCase = false } = dialect;
		const seen = () => ({ unread: read.unread, missed: read.missed, objectsParameter, objectFields, ignoresCase });
		try {
			const plan = dialect.plan(request);
			return { plan, faults: [], ...seen() };
		} catch (reason) {
			return { faults: faultsBehind(ProviderError.from(reason)), ...seen() };
		}
	}

	/** What the gate says of a store before it looks at a pod's token: every refusal, not the first. */
	judge(store: PlannedStore): readonly PolicyRemark[] {
		const policy = this.#policy;
		if (policy === undefined) return [];
		const { addressParameter, audienceParameter, lacks } = store;
		if (lacks !== undefined) return [refused(audienceParameter, lacks)];
		return [
			...store.instance.endpoints.flatMap((address) => remarks(addressParameter, () => judgeEndpoint(policy, store, address).warning)),
			...remarks(audienceParameter, () => judgeAudience(policy, store, this.#owners)),
		];
	}

	/** What can be said of a plan's objects without asking their stores. */
	inspect(plan: MountPlan, holder: Holder): Promise<readonly PlacedRemark[]> {
		const isKnown = ({ origin }: PlannedStore) => this.#policy !== undefined || origin === "parameters";
		return inspectObjects(plan, holder, this.#registry, isKnown);
	}

	async #dialect(request: MountRequest): Promise<Dialect> {
		if (request.provider !== nativeProvider || this.#policy !== undefined) return this.#dialects.of(request);
		const registry = this.#registry;
		const { types } = registry;
		const wanted = new Set([...storeTypesIn(request), ...types].filter((type) => types.includes(type)));
		await Promise.all([...wanted].map((type) => registry.module(type)));
		const store = (type: string) => registry.loaded(type);
		const configured = assumedStores(request, store);
		return { name: nativeProvider, plan: (planned) => planNative(planned, { store, storeTypes: types, configured }) };
	}
}

/** An error that holds no single faults is one itself. */
function faultsBehind(error: ProviderError): readonly Fault[] {
	const faults = faultsOf(error);
	if (faults.length > 0) return faults;
	return [
		{ path: "", message: `cannot be planned: ${error.message.replace(/\.$/, "")}`, remedy: error.remedy ?? "Correct the parameters." },
	];
}

function remarks(parameter: string, judge: () => string | undefined): readonly PolicyRemark[] {
	try {
		const warning = judge();
		if (warning === undefined) return [];
		const remedy = "Ask the administrator to list it, or use what is listed.";
		return [{ rule: "policy-warning", parameter, cause: withoutParameter(warning, parameter), remedy }];
	} catch (reason) {
		return [refused(parameter, ProviderError.from(reason))];
	}
}

function refused(parameter: string, { message, remedy = "Ask the administrator." }: ProviderError): PolicyRemark {
	return { rule: "policy-refused", parameter, cause: withoutParameter(message, parameter), remedy };
}

/** The policy's sentence as a clause: the finding tells the parameter itself. */
function withoutParameter(message: string, parameter: string): string {
	const rest = message.startsWith(parameter) ? message.slice(parameter.length).replace(/^:? +/, "") : message;
	return rest.replace(/\.$/, "");
}

function requestOf(provider: string, parameters: ReadonlyMap<string, string>, namespace: string): MountRequest {
	return {
		provider,
		pod: { name: "lint", namespace: namespace === "" ? "default" : namespace, uid: "lint", serviceAccount: "default" },
		tokens: new Map(),
		parameters,
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/volume",
		currentVersions: new Map(),
		signal: new AbortController().signal,
	};
}
