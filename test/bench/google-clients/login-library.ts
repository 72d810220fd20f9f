import { accessToken, carry, probe, readPlainly, secretName, serverUrl } from "./probe.ts";

// As the provider is: the library asks once, and what is read is read without it.
void probe(async () => {
	const { OAuth2Client, gaxios } = await import("google-auth-library");
	const client = new OAuth2Client({ transporter: new gaxios.Gaxios({ fetchImplementation: carry }) });
	client.setCredentials({ access_token: accessToken });
	await client.request({ url: `${serverUrl}/v1/${secretName}:access` });
	return readPlainly;
});
