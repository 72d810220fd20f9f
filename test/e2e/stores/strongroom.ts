import { join } from "node:path";
import { createStrongroom } from "../../../provider/strongroom/create.ts";
import { type Location, locate } from "../../../provider/strongroom/location.ts";
import { command } from "../../strongroom/support.ts";
import type { StoreOffer } from "../store-case.ts";
import { type CaseTraits, token, UsualCase } from "../usual-case.ts";

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
			cases: new Map([[name, await UsualCase.make(await traits(location))]]),
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
	{ path: "nested/app", format: "dotenv", values: { DB_PASSWORD: "db.password" } },
	{ path: "token", from: "token" },
	{ path: "stays", from: "stays" },
];

/** The secret `db` changes, `token` is deleted, `stays` is left alone. */
async function traits(location: Location): Promise<CaseTraits> {
	const parameters = { objects: JSON.stringify(objects), files: JSON.stringify(files) };
	const put = (secret: string, value: string) => run(location, ["put", secret, "--namespace", namespace], value);
	await put("stays", "unchanged");
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /has no secret .* or does not allow it/,
		stays: "unchanged",
		write: async (password) => {
			await put("db", JSON.stringify({ password }));
			return `DB_PASSWORD='${password}'\n`;
		},
		revoke: () => run(location, ["delete", "token", "--namespace", namespace]),
		restore: () => put("token", token),
	};
}
