import { probe, readPlainly } from "./probe.ts";

// REST over the provider's transport, and nothing else.
void probe(async () => readPlainly);
