import test from "ava";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { grant, openSite } from "../stores/kubernetes/harness.ts";
import { documented, patternOf } from "./error-texts.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

/** What the API server, or who configured the store, says to a pod that wants a Secret which is not there. */
const provocations: readonly {
	readonly text: string;
	readonly code: string;
	/** Whether the account may read Secrets. */
	readonly mayRead?: true;
	readonly account?: string;
	readonly object?: object;
}[] = [
	{ text: "… does not let the service account … get the …; whether there is one, it does not say.", code: "denied" },
	{ text: "The API server … has no … in the namespace …", code: "absent", mayRead: true },
	{ text: "policy opens no other namespace here", code: "invalid", object: { namespace: "another" } },
	{ text: "… takes no pods of the service account …", code: "refused", account: "default" },
];

for (const { text, code, mayRead, account, object = {} } of provocations) {
	test(`who sees ${JSON.stringify(text)} of Kubernetes finds it under ${code}`, async (t) => {
		t.true(documented().some((row) => row.text === text && row.code === code));
		const site = await openSite(t, cluster);
		if (account !== undefined) await cluster.createServiceAccount(site.namespace, account);
		if (mayRead === true) await grant(cluster, { namespace: site.namespace });
		const failure = await site.refusal(await site.pod(account), [{ name: "db", secret: "db", ...object }]);
		t.is(failure.errorCode, code, failure.details);
		t.regex(failure.details, patternOf(text));
	});
}
