import { testStore } from "../store-test.ts";
import { openAzure } from "./fixture.ts";

testStore("azure with workload identity", openAzure);
