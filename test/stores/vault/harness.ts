import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { MountPlan, RenderedFile } from "../../../provider/plan/mount-plan.ts";
import type { MountRequest, Pod } from "../../../provider/plan/mount-request.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import type { Dialect } from "../../../provider/stores/module.ts";
import type { Found, Identity, Outcome, Session, StoreContext, StoreInstance } from "../../../provider/stores/store.ts";
import { module } from "../../../provider/stores/vault/index.ts";
import { makePod } from "../../support/pods.ts";

/** Fields as the policy file or a SecretProviderClass brings them. */
export function fieldsOf(yaml: string, path = ""): Fields {
	const node = readYaml(yaml);
	return new Fields(node instanceof Map ? node : new Map(), path, new Faults());
}

export function makeDialect(name: string, defaults = ""): Dialect {
	const dialect = module.dialect?.(name, fieldsOf(defaults));
	if (dialect === undefined) throw new Error("no dialect");
	return dialect;
}

export function makeRequest(parameters: Readonly<Record<string, string>>, overrides: Partial<MountRequest> = {}): MountRequest {
	return {
		provider: "vault",
		pod: makePod(),
		tokens: new Map(),
		parameters: new Map(Object.entries(parameters)),
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/target",
		currentVersions: new Map(),
		signal: AbortSignal.timeout(60_000),
		...overrides,
	};
}

/** What a Mount through the harness gave. */
export interface Mounted {
	readonly files: readonly RenderedFile[];
	readonly versions: ReadonlyMap<string, string>;
	readonly outcomes: readonly Outcome[];
}

export interface ContextOptions {
	readonly token: string;
	readonly signal?: AbortSignal;
	readonly allowsAddress?: (address: string) => boolean;
}

/** A context whose instances keep their clients for as long as the maker lives. */
export class Contexts {
	readonly #kept = new Map<string, unknown>();

	make(instance: StoreInstance, options: ContextOptions): StoreContext {
		const kept = this.#kept;
		return {
			token: new Secret(options.token),
			credentials: new Map(),
			signal: options.signal ?? AbortSignal.timeout(60_000),
			schedule: (task) => task(),
			once<T>(make: () => T): T {
				const known = kept.get(instance.key) as T | undefined;
				const made = known ?? make();
				kept.set(instance.key, made);
				return made;
			},
			allowsAddress: options.allowsAddress ?? (() => true),
		};
	}
}

export function makeIdentity(pod: Pod, audience: string, role: string): Identity {
	const { namespace, serviceAccount } = pod;
	return { key: JSON.stringify([audience, namespace, serviceAccount, role]), audience, namespace, serviceAccount, role };
}

/** Carries out a plan against its one store: the way of a Mount without policy, broker and socket. */
export class Harness {
	readonly #contexts = new Contexts();
	readonly #sessions = new Map<string, Session>();
	logins = 0;

	async mount(plan: MountPlan, pod: Pod, token: string, signal = AbortSignal.timeout(60_000)): Promise<Mounted> {
		const session = await this.#session(plan, pod, token, signal);
		const outcomes: Outcome[] = [];
		for (const object of plan.objects) {
			const [outcome] = await session.read([object.ref], signal);
			if (outcome?.kind === "failed") throw outcome.error;
			if (outcome !== undefined) outcomes.push(outcome);
		}
		const values = new Map<string, Found>();
		for (const [index, object] of plan.objects.entries()) {
			const outcome = outcomes[index];
			if (outcome?.kind === "found") values.set(object.name, outcome);
		}
		const files = plan.files.flatMap((recipe) => recipe.produce(values));
		const versions = new Map<string, string>();
		for (const object of plan.objects) {
			const found = values.get(object.name);
			if (found !== undefined) versions.set(object.name, object.versionedContent?.(found).toString("hex") ?? "");
		}
		return { files, versions, outcomes };
	}

	/** Forgets the sessions, as a broker does with one that is denied. */
	forget(): void {
		this.#sessions.clear();
	}

	async connect(
		instance: StoreInstance,
		pod: Pod,
		role: string,
		token: string,
		signal = AbortSignal.timeout(60_000),
		allowsAddress = (_address: string) => true,
	): Promise<Session> {
		const identity = makeIdentity(pod, "vault", role);
		return module.store.connect(instance, identity, this.#contexts.make(instance, { token, signal, allowsAddress }));
	}

	async #session(plan: MountPlan, pod: Pod, token: string, signal: AbortSignal): Promise<Session> {
		const store = plan.stores[0];
		if (store === undefined) throw new Error("the plan has no store");
		const key = JSON.stringify([store.instance.key, store.role, pod.namespace, pod.serviceAccount]);
		const known = this.#sessions.get(key);
		if (known !== undefined) return known;
		this.logins += 1;
		const session = await this.connect(store.instance, pod, store.role, token, signal);
		this.#sessions.set(key, session);
		return session;
	}
}

/** An answer of Vault as the value of a whole ref. */
export function answer(data: Readonly<Record<string, unknown>>): Secret {
	return new Secret(JSON.stringify({ request_id: "1", lease_id: "", lease_duration: 0, renewable: false, data, warnings: null }));
}
