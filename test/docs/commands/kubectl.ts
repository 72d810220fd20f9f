// Stands in for `kubectl`: the real one, on the test's cluster. No node runs there, so what only a container can answer
// is taken for answered when the API server has found it; in the provider's container, which has one program, the command itself is run.
import { join } from "node:path";
import { checkout } from "../markdown.ts";
import { type CallResult, call, noteFailure, pass, variable } from "./call.ts";

const parameters = process.argv.slice(2);
const words = parameters.filter((parameter) => !parameter.startsWith("-"));
// No controller runs either, so a namespace never ends.
const own = words.includes("delete") ? [...parameters, "--wait=false"] : parameters;
const result = call(variable("DOCS_KUBECTL"), own);

if (isContainers(result)) runInContainer();
else if (isNo(result)) process.stdout.write(result.stdout);
else pass("kubectl", parameters, result);

/** Whether the API server found the container and has no node to ask. */
function isContainers({ status, stderr }: CallResult): boolean {
	return status !== 0 && /does not have a host assigned/.test(stderr);
}

/** `auth can-i` and `diff` end with 1 when the answer is no, or that there are differences. */
function isNo({ status, stdout }: CallResult): boolean {
	if (status !== 1 || stdout === "") return false;
	if (words.includes("diff")) process.exitCode = 1;
	return words.includes("diff") || words.includes("can-i");
}

function runInContainer(): void {
	const separator = parameters.indexOf("--");
	const [program = "", ...rest] = separator === -1 ? [] : parameters.slice(separator + 1);
	if (!parameters.includes("claviger-system")) return;
	if (program !== "claviger") {
		noteFailure(["kubectl", ...parameters], "the image has no such program");
		return;
	}
	// Outside a cluster it finds much to mend, and says so.
	const own = [join(checkout, "provider/start.js"), ...rest, "--pid", "0", "--timeout", "5s"];
	const { status, stdout, stderr } = call(process.execPath, own);
	process.stdout.write(stdout);
	if (status > 1 || stdout === "") noteFailure(["kubectl", ...parameters], stderr);
}
