// A server's console: its screen, or its serial port; in the panel, or in a window of its own.
import { Alert, Button, Group, Popover, SegmentedControl, Stack, Textarea, Title } from "@mantine/core";
import { useFullscreenElement } from "@mantine/hooks";
import {
  IconChevronLeft,
  IconExternalLink,
  IconInfoCircle,
  IconKeyboard,
  IconMaximize,
  IconRefresh,
} from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { LinkAnchor } from "../../parts/LinkButton.tsx";
import { Waiting } from "../../parts/Lost.tsx";
import { Status } from "../../parts/Status.tsx";
import { useServer } from "../server/Server.tsx";
import classes from "./Console.module.css";
import type { ConsoleHandle, Stage } from "./stage.ts";

const Screen = lazy(() => import("./Screen.tsx"));
const Serial = lazy(() => import("./Serial.tsx"));
const route = getRouteApi("/inside/server/$uuid/console");
const WINDOW = "popup,width=1080,height=820";

export function Console() {
  const { t } = useTranslation();
  const server = useServer();
  const { kind = "vnc", alone } = route.useSearch();
  const navigate = route.useNavigate();
  const [stage, setStage] = useState<Stage>({ at: "connecting" });
  const [attempt, setAttempt] = useState(0);
  const handle = useRef<ConsoleHandle>(null);
  const full = useFullscreenElement<HTMLDivElement>();
  const again = () => {
    setStage({ at: "connecting" });
    setAttempt(attempt + 1);
  };
  const turn = (to: string) => {
    setStage({ at: "connecting" });
    void navigate({ search: (before) => ({ ...before, kind: to === "serial" ? "serial" : undefined }), replace: true });
  };
  const openOwn = () => {
    const query = new URLSearchParams(kind === "serial" ? { kind, alone: "true" } : { alone: "true" });
    window.open(`${window.location.pathname}?${query}`, `console-${server.uuid}`, WINDOW);
  };
  const isConnected = stage.at === "connected";
  const Kind = kind === "serial" ? Serial : Screen;
  return (
    <Stack gap="md" className={classes.room} data-alone={alone} component={alone ? "main" : "div"}>
      {!alone && (
        <LinkAnchor to="/server/$uuid" params={{ uuid: server.uuid }} size="sm" className={classes.back}>
          <IconChevronLeft size={16} aria-hidden /> {server.name}
        </LinkAnchor>
      )}
      <Group justify="space-between" gap="sm">
        <Group gap="sm">
          <Title order={1} size={alone ? "h3" : "h1"}>
            {t("console.title", { name: server.name })}
          </Title>
          <Status server={server} />
        </Group>
        <SegmentedControl
          value={kind}
          onChange={turn}
          aria-label={t("console.short")}
          data={[
            { value: "vnc", label: t("console.screen") },
            { value: "serial", label: t("console.serial") },
          ]}
        />
      </Group>
      <div className={classes.frame} ref={full.ref} data-kind={kind}>
        <div className={classes.bar}>
          <span className={classes.stage} data-at={stage.at} role="status" data-testid="stage">
            {t(`console.${stage.at}`)}
          </span>
          <Group gap={6}>
            {stage.at !== "connected" && stage.at !== "connecting" && (
              <Button size="compact-sm" onClick={again} leftSection={<IconRefresh size={15} />}>
                {t("console.again")}
              </Button>
            )}
            {kind === "vnc" && (
              <>
                <Button
                  size="compact-sm"
                  variant="default"
                  disabled={!isConnected}
                  onClick={() => handle.current?.ctrlAltDel?.()}
                >
                  {t("console.ctrlAltDel")}
                </Button>
                <Typing isOff={!isConnected} onType={(text) => handle.current?.type(text)} />
              </>
            )}
            {!alone && (
              <Button
                size="compact-sm"
                variant="default"
                onClick={openOwn}
                leftSection={<IconExternalLink size={15} />}
              >
                {t("console.own")}
              </Button>
            )}
            <Button size="compact-sm" variant="default" onClick={full.toggle} leftSection={<IconMaximize size={15} />}>
              {t("console.fullscreen")}
            </Button>
          </Group>
        </div>
        {stage.at === "refused" && (
          <Alert icon={<IconInfoCircle />} className={classes.refused} role="alert">
            {server.power === "off" ? t("console.off") : stage.why}
          </Alert>
        )}
        <Suspense fallback={<Waiting />}>
          <Kind key={`${kind} ${attempt}`} server={server} onStage={setStage} handle={handle} />
        </Suspense>
      </div>
    </Stack>
  );
}

function Typing({ isOff, onType }: { isOff: boolean; onType: (text: string) => void }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState("");
  const submit = () => {
    onType(text);
    setText("");
    setOpen(false);
  };
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-end" withArrow trapFocus width={320}>
      <Popover.Target>
        <Button
          size="compact-sm"
          variant="default"
          disabled={isOff}
          onClick={() => setOpen(!isOpen)}
          leftSection={<IconKeyboard size={15} />}
        >
          {t("console.paste")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("console.paste")}>
        <Textarea
          label={t("console.pasteLabel")}
          description={t("console.pasteHint")}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          rows={3}
          data-autofocus
        />
        <Button mt="sm" size="sm" fullWidth onClick={submit} disabled={text === ""}>
          {t("console.pasteSubmit")}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
