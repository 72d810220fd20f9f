#!/usr/bin/env node
// Plain JavaScript on purpose: a Node that cannot read the TypeScript sources must get as far as this message.
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
	console.error(
		`Claviger needs Node 22.18 or newer; this is ${process.versions.node}. Run "npm ci" in the checkout and start it with "npx node provider/start.js" or "npm run claviger".`,
	);
	process.exit(1);
}
const { main } = await import("./main.ts");
await main(process.argv.slice(2));
