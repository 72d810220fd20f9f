import { testStore } from "../store-test.ts";
import { openCyberArkFixture } from "./fixture.ts";

testStore("cyberark-epv", openCyberArkFixture);
