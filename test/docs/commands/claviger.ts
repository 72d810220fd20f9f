// Stands in for `claviger`: the program as it is, from its sources.
import { main } from "../../../provider/main.ts";

await main(process.argv.slice(2));
