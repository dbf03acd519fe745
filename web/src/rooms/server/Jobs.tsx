// The newest work on a server.
import { Loader, Paper, Text, Title } from "@mantine/core";
import { IconCheck, IconClock, IconMinus, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ServerJob } from "../../api/generated/model";
import { ago, moment } from "../../format.ts";
import { told } from "../../i18n.ts";
import classes from "./Server.module.css";

const marks: Record<string, React.ReactNode> = {
  queued: <IconClock size={16} />,
  running: <Loader size={14} color="currentColor" aria-hidden />,
  done: <IconCheck size={16} />,
  failed: <IconX size={16} />,
  cancelled: <IconMinus size={16} />,
};

export function Jobs({ jobs }: { jobs: ServerJob[] }) {
  const { t } = useTranslation();
  return (
    <Paper component="section" aria-labelledby="work">
      <Title order={2} id="work" mb="xs">
        {t("server.work")}
      </Title>
      {jobs.length === 0 && (
        <Text c="dimmed" size="sm">
          {t("server.noWork")}
        </Text>
      )}
      {jobs.map((job) => (
        <div className={classes.job} key={job.id} data-testid="job">
          <span className={classes.jobMark} data-state={job.state} aria-hidden>
            {marks[job.state]}
          </span>
          <div className={classes.jobWords}>
            <Text size="sm" fw={550}>
              {told("actions", job.action)}
              <Text span c="dimmed" fw={400} size="sm">
                {" "}
                · {t(`job.${job.state as "done"}`)}
                {job.state === "running" && job.progress > 0 && ` ${job.progress} %`}
              </Text>
            </Text>
            {job.message && (
              <Text size="sm" c="dimmed">
                {job.message}
              </Text>
            )}
          </div>
          <Text size="xs" c="dimmed" title={moment(job.created)}>
            {ago(job.finished ?? job.created)}
          </Text>
        </div>
      ))}
    </Paper>
  );
}
