#!/usr/bin/env node
/** Entry of the `millwright` command. */
import { run } from "./program.js";
import { startProcess } from "./start.js";

await startProcess(run);
