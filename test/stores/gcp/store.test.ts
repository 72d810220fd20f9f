import { testStore } from "../store-test.ts";
import { openGcpFixture } from "./fixture.ts";

testStore("gcp", openGcpFixture);
