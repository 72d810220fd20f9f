import { testStore } from "../store-test.ts";
import { openConfidantFixture } from "./fixture.ts";

testStore("confidant", openConfidantFixture);
