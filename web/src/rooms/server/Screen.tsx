// What the guest shows, small; behind it is the console.
import { Paper, Text, Title } from "@mantine/core";
import { IconTerminal2 } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { may } from "../../parts/rights.ts";
import classes from "./Server.module.css";

export function Screen({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  if (!may(server, "console")) return null;
  const isOpenable = server.state === "complete" && !server.suspended && server.power !== "off";
  return (
    <Paper component="section" aria-labelledby="screen">
      <Title order={2} id="screen" mb="md">
        {t("server.screen")}
      </Title>
      <div className={classes.screen}>
        {server.screen ? (
          <img src={`data:image/png;base64,${server.screen}`} alt="" data-testid="picture" />
        ) : (
          <Text size="sm">{t("server.noScreen")}</Text>
        )}
        {isOpenable && (
          <Link
            to="/server/$uuid/console"
            params={{ uuid: server.uuid }}
            className={classes.open}
            aria-label={t("server.openScreen", { name: server.name })}
          >
            <span>
              <IconTerminal2 size={18} aria-hidden /> {t("server.console")}
            </span>
          </Link>
        )}
      </div>
    </Paper>
  );
}
