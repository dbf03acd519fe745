// A server's name, changed in place.
import { ActionIcon, Button, Group, Modal, TextInput, Tooltip } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPencil } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ServerPage } from "../../api/generated/model";
import { renameServer } from "../../api/generated/panel.ts";
import { queryClient } from "../../api/queries.ts";
import { sentenceOf, tell } from "../../parts/said.ts";

const NAME_CHARS = 63;

export function Rename({ server }: { server: ServerPage }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const form = useForm({ initialValues: { name: server.name } });
  const rename = useMutation({
    mutationFn: (name: string) => renameServer(server.uuid, { name }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["servers"] });
      setOpen(false);
      tell(t("server.renamed"));
    },
    onError: (error) => form.setFieldError("name", sentenceOf(error)),
  });
  const open = () => {
    form.setValues({ name: server.name });
    form.clearErrors();
    setOpen(true);
  };
  return (
    <>
      <Tooltip label={t("server.rename")} withArrow>
        <ActionIcon variant="subtle" color="gray" onClick={open} aria-label={t("server.rename")}>
          <IconPencil size={18} />
        </ActionIcon>
      </Tooltip>
      <Modal
        opened={isOpen}
        onClose={() => setOpen(false)}
        title={t("server.rename")}
        closeButtonProps={{ "aria-label": t("app.close") }}
      >
        <form onSubmit={form.onSubmit(({ name }) => rename.mutate(name))}>
          <TextInput
            label={t("server.newName")}
            maxLength={NAME_CHARS}
            required
            withAsterisk={false}
            data-autofocus
            {...form.getInputProps("name")}
          />
          <Group justify="end" mt="lg">
            <Button variant="default" onClick={() => setOpen(false)}>
              {t("app.cancel")}
            </Button>
            <Button type="submit" loading={rename.isPending}>
              {t("server.save")}
            </Button>
          </Group>
        </form>
      </Modal>
    </>
  );
}
