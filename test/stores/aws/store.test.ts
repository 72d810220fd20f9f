import { testStore } from "../store-test.ts";
import { openAwsFixture } from "./fixture.ts";

testStore("aws with web identity", (t) => openAwsFixture(t, "web"));
testStore("aws with Pod Identity", (t) => openAwsFixture(t, "pod"));
