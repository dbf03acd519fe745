/* Sends raw Ethernet frames from a guest that has no more than a shell; built without shared libraries.
 *
 * send DEVICE COPIES PAUSE_US    reads frames as hex, one a line, and sends each COPIES times, with a pause after each
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    to.sll_ifindex = (int)if_nametoindex(argv[1]);
    int s = socket(AF_PACKET, SOCK_RAW, 0);
    if (s < 0 || bind(s, (struct sockaddr *)&to, sizeof to) < 0) {
        perror(argv[1]);
        return 1;
    }
    char line[4096];
    unsigned char frame[2048];
    while (fgets(line, sizeof line, stdin)) {
        size_t len = 0;
        while (len < sizeof frame && sscanf(line + 2 * len, "%2hhx", &frame[len]) == 1)
            len++;
        for (int copies = atoi(argv[2]); len > 0 && copies > 0; copies--) {
            if (send(s, frame, len, 0) < 0) {
                perror("send");
                return 1;
            }
            usleep((useconds_t)atoi(argv[3]));
        }
    }
    return 0;
}
