// A build by its real steps.
import { Group, Paper, Text, Title, VisuallyHidden } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ServerJob } from "../../api/generated/model";
import { told } from "../../i18n.ts";
import classes from "./Server.module.css";

type Stage = "done" | "now" | "later" | "error";

function stageOf(job: ServerJob, at: number): Stage {
  const current = job.steps.indexOf(job.step);
  if (job.state === "done" || at < current) return "done";
  if (at > current || job.state === "queued") return "later";
  return job.state === "running" ? "now" : "error";
}

export function BuildProgress({ job }: { job: ServerJob }) {
  const { t } = useTranslation();
  // Where it fails it is queued again, with a reason.
  const title = job.state === "failed" ? "build.failed" : job.state === "queued" ? "build.waits" : "build.title";
  return (
    <Paper component="section" aria-labelledby="build" data-testid="build">
      <Group justify="space-between" mb="md">
        <Title order={2} id="build">
          {t(title)}
        </Title>
        <Text
          c="dimmed"
          size="sm"
          role="progressbar"
          aria-label={t("build.progress")}
          aria-valuenow={job.progress}
          aria-valuemin={0}
          aria-valuemax={100}
        >
          {job.progress} %
        </Text>
      </Group>
      <ol className={classes.steps}>
        {job.steps.map((step, at) => {
          const stage = stageOf(job, at);
          return (
            <li
              key={step}
              className={classes.step}
              data-state={stage}
              aria-current={stage === "now" ? "step" : undefined}
            >
              <span>
                {told("steps", step)}
                <VisuallyHidden>, {t(`build.${stage}`)}</VisuallyHidden>
              </span>
            </li>
          );
        })}
      </ol>
      {job.message && (
        <Text size="sm" c="dimmed" mt="md">
          {job.message}
        </Text>
      )}
    </Paper>
  );
}
