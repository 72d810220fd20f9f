// Stands in for `helm`: the real one, on the test's cluster. The driver's chart, which would be fetched, is stood in for by
// one with the same values and names.
import { join } from "node:path";
import { call, pass, variable } from "./call.ts";

const given = process.argv.slice(2);
const repository = given.indexOf("--repo");
const parameters = repository === -1 ? given : given.toSpliced(repository, 2);
const chart = join(import.meta.dirname, "../driver-chart");
const own = parameters.map((parameter) => (repository !== -1 && parameter === "secrets-store-csi-driver" ? chart : parameter));
pass("helm", given, call(variable("DOCS_HELM"), own));
