// Plays the cluster's token issuer for scripts/demo: makes a key pair and signs service account tokens as kubelet gets them.
// `node scripts/demo-tokens.ts POD_MANIFEST DIRECTORY` writes into the directory:
//   keys.json   the issuer's public keys
//   uid         the pod's uid, which its token names
//   token       the pod's token for the audience `claviger`
//   other       the token of the pod reports-0 beside it, which runs as the service account `reports`
//   forged      the pod's token, signed by somebody else
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readPodVolume } from "../provider/cli/mount/manifests.ts";
import { createTokenIssuer } from "../test/support/token-issuer.ts";

const [file, directory] = process.argv.slice(2);
if (file === undefined || directory === undefined) throw new Error("usage: node scripts/demo-tokens.ts POD_MANIFEST DIRECTORY");

const { name = "", namespace = "", serviceAccount = "default" } = readPodVolume(readFileSync(file, "utf8"), file, undefined);
const pod = { name, namespace, serviceAccount, uid: randomUUID() };
const cluster = await createTokenIssuer();
const somebodyElse = await createTokenIssuer();
const audience = "claviger";

const files = {
	"keys.json": JSON.stringify(cluster.keys),
	uid: pod.uid,
	token: await cluster.token(pod, { audience }),
	other: await cluster.token({ ...pod, name: "reports-0", serviceAccount: "reports" }, { audience }),
	forged: await somebodyElse.token(pod, { audience }),
};
for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { mode: 0o600 });
