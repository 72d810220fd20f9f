import { join } from "node:path";
import { createStrongroom } from "../../../provider/strongroom/create.ts";
import { type Location, locate } from "../../../provider/strongroom/location.ts";
import { command } from "../../strongroom/support.ts";
import type { StoreCase, StoreOffer } from "../store-case.ts";

const name = "strongroom";
const mountPath = "/var/lib/claviger";
/** Where the secrets are; the pods' namespaces get at them by bindings. */
const namespace = "shop";

/** The own store, in a folder of the node that the provider's pod has as a volume; administered from the command line. */
export const offer: StoreOffer = {
	name,
	providers: [],
	audiences: ["claviger"],
	cases: [name],
	async start({ cluster, namespaces }) {
		const location = locate({ directory: join(cluster.directory, name) }, {});
		await createStrongroom(location, "administrator");
		for (const podNamespace of namespaces)
			await run(location, ["bind", "*", "--namespace", namespace, "--pod-namespace", podNamespace, "--service-account", "default"]);
		return {
			policy: { stores: { [name]: { type: "strongroom", directory: mountPath } } },
			volume: { name, folder: location.directory, mountPath },
			cases: new Map([[name, await StrongroomCase.make(location)]]),
			calls: () => 0,
			callsForAll: 0,
			stop: async () => {},
		};
	},
};

async function run(location: Location, args: readonly string[], input = ""): Promise<void> {
	const { code, stderr } = await command(location, args, input);
	if (code !== 0) throw new Error(`claviger strongroom ${args.join(" ")}: ${stderr}`);
}

const objects = ["db", "token", "stays"].map((path) => ({ name: path, store: name, namespace, path }));
const files = [
	{ path: "password", from: "db", key: "password" },
	{ path: "nested/app.env", format: "dotenv", values: { DB_PASSWORD: "db.password" } },
	{ path: "token", from: "token" },
	{ path: "stays", from: "stays" },
];

class StrongroomCase implements StoreCase {
	readonly provider = "claviger";
	readonly parameters = { objects: JSON.stringify(objects), files: JSON.stringify(files) };
	readonly changing = "password";
	readonly revocable = "token";
	readonly onRevoked = "removed";
	readonly refusal = /has no secret .* or does not allow it/;
	readonly sync = { username: "password", nested: "nested/app.env" };
	readonly files = new Map<string, string>();
	readonly #location: Location;
	#changes = 0;

	private constructor(location: Location) {
		this.#location = location;
	}

	static async make(location: Location): Promise<StrongroomCase> {
		const made = new StrongroomCase(location);
		await made.change();
		await made.restore();
		await made.#put("stays", "unchanged");
		made.files.set("stays", "unchanged");
		return made;
	}

	async change(): Promise<string> {
		this.#changes += 1;
		const password = `made-up-${this.#changes}`;
		await this.#put("db", JSON.stringify({ password }));
		this.files.set("password", password).set("nested/app.env", `DB_PASSWORD=${password}\n`);
		return password;
	}

	async revoke(): Promise<void> {
		await run(this.#location, ["delete", "token", "--namespace", namespace]);
		this.files.delete("token");
	}

	async restore(): Promise<void> {
		await this.#put("token", "hello1");
		this.files.set("token", "hello1");
	}

	#put(secret: string, value: string): Promise<void> {
		return run(this.#location, ["put", secret, "--namespace", namespace], value);
	}
}
