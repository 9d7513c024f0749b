using System.Text.Json;
using HvSdk.Devices.Emulated;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>A Linux guest at work, saved as plain data while it is paused, and restored into another machine, where it goes on.</summary>
public sealed class SavedGuestTests
{
    private const int Capacity = 16 * GuestDescription.MiB;
    private const int PieceLength = 1 << 20;
    private const ulong Memory = 128UL * GuestDescription.MiB;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Guest_SavedAndRestoredElsewhere_GoesOnWithItsWork(int processors)
    {
        var storage = new MemoryStorage(Capacity);
        string sum;
        int turns;
        Saved saved;
        Board first = new(storage);
        await using (LinuxGuest guest = await LinuxGuest.BootAsync(Describe(processors, () => first = new Board(storage))))
        {
            var shell = new GuestShell(guest);
            await shell.StartAsync();
            await shell.RunAsync("token=kept; insmod /modules/virtio-rng.ko");
            sum = await shell.RunForLineAsync("head -c 4194304 /dev/urandom >/tmp/first; dd if=/tmp/first of=/dev/vda bs=64k conv=fsync 2>/dev/null; md5sum </tmp/first");

            // It is in the midst of writing and reading when it is saved.
            await shell.RunAsync("work() { turn=0; while dd if=/tmp/first of=/dev/vda bs=16k seek=512 oflag=direct 2>/dev/null; do turn=$((turn + 1)); echo $turn >/tmp/turns; done; }; work & :");
            turns = await ReadTurnsAsync(shell, atLeast: 1);
            await guest.Machine.PauseAsync();
            saved = await Saved.OfAsync(guest, first, processors);
        }

        Board second = new(storage);
        await using LinuxGuest other = await LinuxGuest.StartAsync(Describe(processors, () => second));
        await other.Machine.PauseAsync();
        await saved.LoadIntoAsync(other, second);
        await other.Machine.ResumeAsync();

        var again = new GuestShell(other);
        Assert.Equal("kept", await again.RunAsync("echo $token"));
        Assert.InRange(await ReadTurnsAsync(again, turns + 3), turns + 3, int.MaxValue);
        Assert.Equal(sum, await again.RunForLineAsync("echo 3 >/proc/sys/vm/drop_caches; head -c 4194304 /dev/vda | md5sum"));
        Assert.Equal("16", await again.RunAsync("head -c 16 /dev/hwrng | wc -c"));
        Assert.Equal((null, null), (second.Disk.Fault, second.Entropy.Fault));
        Assert.True(second.Disk.Statistics.Writes > 0);
        await again.RunAsync("kill %1");
        await again.ExitAsync();
        Assert.Equal(MachineEndKind.PoweredOff, (await other.WaitForEndAsync()).Kind);
    }

    private static GuestDescription Describe(int processors, Func<Board> make) => new()
    {
        Processors = processors,
        Memory = Memory,
        HasKeyboardController = false,
        Actions = "blk=1,shell",
        Devices = () => make().Transports,
    };

    private static async Task<int> ReadTurnsAsync(GuestShell shell, int atLeast) => int.Parse(
        await shell.RunForLineAsync($"until [ \"$(cat /tmp/turns 2>/dev/null || echo 0)\" -ge {atLeast} ]; do sleep 0.1; done; cat /tmp/turns"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The paravirtual devices, with the transports whose states are saved.</summary>
    private sealed class Board
    {
        public Board(MemoryStorage storage)
        {
            Disk = new BlockDevice(storage);
            Transports = [new VirtioMmio(Disk), new VirtioMmio(Entropy)];
        }

        public BlockDevice Disk { get; }

        public EntropyDevice Entropy { get; } = new();

        public IReadOnlyList<VirtioMmio> Transports { get; }
    }

    /// <summary>A machine that stands still: its memory, and all else as text.</summary>
    private sealed record Saved(byte[] Memory, string Chips, IReadOnlyList<string> Processors, IReadOnlyList<string> Devices, string Serial)
    {
        public static async Task<Saved> OfAsync(LinuxGuest guest, Board board, int processors)
        {
            var states = new List<string>();
            for (int i = 0; i < processors; i++)
            {
                states.Add(JsonSerializer.Serialize(await guest.Machine.InvokeOnProcessorAsync(i, static vcpu => vcpu.X64.SaveState())));
            }

            byte[] memory = new byte[SavedGuestTests.Memory];
            for (int at = 0; at < memory.Length; at += PieceLength)
            {
                guest.Machine.Partition.Memory.Read((ulong)at, memory.AsSpan(at, PieceLength));
            }

            return new Saved(
                memory,
                JsonSerializer.Serialize(guest.Machine.Partition.SaveState()),
                states,
                [.. board.Transports.Select(static transport => JsonSerializer.Serialize(transport.SaveState()))],
                JsonSerializer.Serialize(guest.Serial.SaveState()));
        }

        public async Task LoadIntoAsync(LinuxGuest guest, Board board)
        {
            for (int at = 0; at < Memory.Length; at += PieceLength)
            {
                guest.Machine.Partition.Memory.Write((ulong)at, Memory.AsSpan(at, PieceLength));
            }

            guest.Machine.Partition.LoadState(JsonSerializer.Deserialize<PartitionState>(Chips)!);
            for (int i = 0; i < Processors.Count; i++)
            {
                X64VcpuState state = JsonSerializer.Deserialize<X64VcpuState>(Processors[i])!;
                await guest.Machine.InvokeOnProcessorAsync(i, vcpu =>
                {
                    vcpu.X64.LoadState(state);
                    return true;
                });
            }

            for (int i = 0; i < Devices.Count; i++)
            {
                board.Transports[i].LoadState(JsonSerializer.Deserialize<VirtioMmioState>(Devices[i])!);
            }

            guest.Serial.LoadState(JsonSerializer.Deserialize<SerialPort16550AState>(Serial)!);
        }
    }
}
