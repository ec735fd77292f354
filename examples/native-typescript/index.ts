/** One model, and what the service reports about it. */

import * as nebius from "@nebius-model-resource/nebius-models";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const bot = new nebius.CustomModel("support-bot", {
    baseModel: "meta-llama/Meta-Llama-3.1-8B-Instruct",
    source: config.require("source"),
    description: "answers support tickets",
});
const live = nebius.getCustomModelOutput({ name: bot.generatedName });

export const generatedName = bot.generatedName; // what /v1/chat/completions takes as `model`
export const status = bot.status;
export const source = live.source;
