// What one does with a server that one created oneself: another size, and its end.
import { Alert, Button, Group, Modal, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconInfoCircle, IconResize, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { deleteServer, resizeServer } from "../../api/generated/panel.ts";
import { queryClient, serversQuery, sizesQuery } from "../../api/queries.ts";
import cards from "../../parts/Cards.module.css";
import { Sizes } from "../../parts/Sizes.tsx";
import { sentenceOf, tell } from "../../parts/said.ts";

export function Own({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<"resize" | "delete">();
  const close = () => setOpen(undefined);
  return (
    <Paper component="section" aria-labelledby="own">
      <Title order={2} id="own" mb="md">
        {t("own.title")}
      </Title>
      <Group gap="sm">
        <Button
          variant="default"
          leftSection={<IconResize size={18} />}
          onClick={() => setOpen("resize")}
          disabled={server.suspended}
        >
          {t("own.resize")}
        </Button>
        <Button
          variant="default"
          c="var(--berth-bad)"
          leftSection={<IconTrash size={18} />}
          onClick={() => setOpen("delete")}
          disabled={server.protected}
        >
          {t("own.delete")}
        </Button>
      </Group>
      {server.protected && (
        <Text size="xs" c="dimmed" mt="xs">
          {t("server.protected")}
        </Text>
      )}
      <Modal
        opened={open === "resize"}
        onClose={close}
        size="lg"
        title={t("own.resizeTitle", { name: server.name })}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <ResizeForm server={server} onClose={close} />
      </Modal>
      <Modal
        opened={open === "delete"}
        onClose={close}
        title={t("own.deleteAsk", { name: server.name })}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <DeleteForm server={server} onClose={close} />
      </Modal>
    </Paper>
  );
}

function ResizeForm({ server, onClose }: { server: ServerPage; onClose: () => void }) {
  const { t } = useTranslation();
  const sizes = useQuery(sizesQuery(server.uuid));
  const [chosen, setChosen] = useState("");
  const resize = useMutation({
    mutationFn: () => resizeServer(server.uuid, { sizeId: Number(chosen) }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: serversQuery.queryKey });
      onClose();
      tell(t("own.resized"));
    },
  });
  const offered = sizes.data?.sizes.map((size) => ({
    size,
    note: size.current ? t("own.current") : size.tooSmall ? t("own.tooSmall") : undefined,
    isOut: size.current || size.tooSmall,
  }));
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("own.resizeText")}
      </Text>
      <Sizes
        label={t("shop.size")}
        sizes={offered ?? []}
        currency={sizes.data?.currency}
        value={chosen}
        onChoose={setChosen}
      />
      {offered?.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("own.noSizes")}
        </Text>
      )}
      <Refusal error={resize.error ?? sizes.error} />
      <Group justify="end">
        <Button variant="default" onClick={onClose}>
          {t("app.cancel")}
        </Button>
        <Button onClick={() => resize.mutate()} disabled={!chosen} loading={resize.isPending}>
          {t("own.resizeNow")}
        </Button>
      </Group>
    </Stack>
  );
}

function DeleteForm({ server, onClose }: { server: ServerPage; onClose: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const remove = useMutation({
    mutationFn: () => deleteServer(server.uuid),
    onSuccess: async () => {
      await router.navigate({ to: "/" });
      await queryClient.invalidateQueries({ queryKey: serversQuery.queryKey, exact: true });
      queryClient.removeQueries({ queryKey: ["servers", server.uuid] });
      tell(t("own.deleted", { name: server.name }));
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (typed === server.name) remove.mutate();
      }}
    >
      <Stack>
        <Text size="sm">{t("own.deleteText")}</Text>
        <TextInput
          label={t("own.typeName", { name: server.name })}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          data-autofocus
        />
        <Refusal error={remove.error} />
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" color="red.9" disabled={typed !== server.name} loading={remove.isPending}>
            {t("own.deleteNow")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Refusal({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <Alert className={cards.bad} icon={<IconInfoCircle />} role="alert">
      {sentenceOf(error)}
    </Alert>
  );
}
