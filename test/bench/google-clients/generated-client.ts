import { accessToken, carry, probe, secretName, serverUrl } from "./probe.ts";

// Secret Manager's generated client reads; it brings a login library of its own, of another version.
void probe(async () => {
	const { auth, secretmanager } = await import("@googleapis/secretmanager");
	const login = new auth.OAuth2();
	login.setCredentials({ access_token: accessToken });
	const { versions } = secretmanager({
		version: "v1",
		auth: login,
		rootUrl: `${serverUrl}/`,
		retry: false,
		fetchImplementation: carry,
	}).projects.secrets;
	return async () => Buffer.from((await versions.access({ name: secretName })).data.payload?.data ?? "", "base64");
});
