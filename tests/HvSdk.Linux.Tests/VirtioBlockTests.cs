using System.Diagnostics;
using System.Security.Cryptography;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's virtio-blk driver and the block device.</summary>
public sealed class VirtioBlockTests : IDisposable
{
    private const int WrittenMiB = 4;
    private const int Capacity = 16 * GuestDescription.MiB;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-linux-block-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(VirtioTransport.Mmio, ChipPlacement.Host)]
    [InlineData(VirtioTransport.Mmio, ChipPlacement.Split)]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Host)]
    [InlineData(VirtioTransport.Pci, ChipPlacement.Split)]
    public async Task Image_WrittenByTheGuest_HoldsItsBytes(VirtioTransport transport, ChipPlacement chips)
    {
        BlockDevice device = null!;
        int boots = 0;
        List<FileStorage> images = [];
        try
        {
            (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
            {
                Transport = transport,
                Chips = chips,
                Processors = 2,
                Actions = $"blk={WrittenMiB}",
                VirtioDevices = () =>
                {
                    images.Add(FileStorage.Create(Path.Combine(_folder.FullName, $"{++boots}.img"), Capacity));
                    return [device = new BlockDevice(images[^1], new BlockDeviceOptions { Id = "hvsdk-disk", QueueCount = 2 })];
                },
            });

            Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
            Assert.Equal(report["blk_written"], report["blk_read"]);
            Assert.Equal(Capacity / 512, report.Number("blk_size"));
            Assert.Equal("hvsdk-disk", report["blk_serial"]);
            Assert.Equal((512, 4096, 2, 0), (report.Number("blk_logical_block_size"), report.Number("blk_physical_block_size"), report.Number("blk_queues"), report.Number("blk_ro")));
            Assert.Equal(0, report.Number("blk_discard_max_bytes"));
            Assert.Equal(1L << 30, report.Number("blk_write_zeroes_max_bytes"));
            Assert.Equal("write back", report["blk_write_cache"]);
            Assert.Equal("refused", report["blk_end"]);
            Assert.Null(device.Fault);
            Assert.Null(device.LastError);
            Assert.Equal(0, device.Statistics.Errors);
            Assert.True(device.Statistics.Flushes >= 4, $"{device.Statistics.Flushes} flushes");
            byte[] bytes = new byte[WrittenMiB * GuestDescription.MiB];
            images[^1].Read(0, bytes);
#pragma warning disable CA5351 // a checksum that busybox has, against accidents
            Assert.Equal(report["blk_written"], Convert.ToHexStringLower(MD5.HashData(bytes)));
#pragma warning restore CA5351
        }
        finally
        {
            images.ForEach(static image => image.Dispose());
        }
    }

    [Theory]
    [InlineData(VirtioTransport.Pci, VirtioFeatures.PackedRing | VirtioFeatures.EventIndex | VirtioFeatures.IndirectDescriptors)]
    [InlineData(VirtioTransport.Pci, VirtioFeatures.EventIndex | VirtioFeatures.IndirectDescriptors)]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.PackedRing | VirtioFeatures.EventIndex)]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.PackedRing)]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.None)]
    public async Task Queue_OfEachKind_IsTakenByLinux(VirtioTransport transport, VirtioFeatures features)
    {
        BlockDevice device = null!;
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
        {
            Transport = transport,
            Actions = "blk=1",
            VirtioDevices = () => [device = new BlockDevice(new MemoryStorage(Capacity)) { QueueFeatures = features }],
        });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.Equal(report["blk_written"], report["blk_read"]);
        Assert.Null(device.Fault);

        // Linux has a digit for each feature, from bit 0 on.
        const VirtioFeatures kinds = VirtioFeatures.PackedRing | VirtioFeatures.EventIndex | VirtioFeatures.IndirectDescriptors;
        string digits = report["blk_features"];
        ulong taken = digits.Select(static (digit, bit) => digit == '1' ? 1UL << bit : 0).Aggregate(0UL, static (all, bit) => all | bit);
        Assert.Equal(features, (VirtioFeatures)taken & kinds);

        // Each request comes back once; an interrupt may serve several.
        Assert.InRange(device.Interrupts, 1, device.Statistics.Reads + device.Statistics.Writes + device.Statistics.Flushes + 100);
    }

    [Fact]
    public async Task Storage_WithoutRoom_IsTheGuestsError()
    {
        BlockDevice device = null!;
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
        {
            Actions = "blk=1",
            VirtioDevices = () => [device = new BlockDevice(new FullStorage())],
        });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.NotEqual(report["blk_written"], report["blk_read"]);
        Assert.True(device.Statistics.Errors > 0);
        Assert.IsType<IOException>(device.LastError);
        Assert.Null(device.Fault);
    }

    /// <summary>A file system of the host's that fills up under the guest, and has room again later: writes fail, and what was written stays.</summary>
    [Fact]
    public async Task HostsDisk_ThatFillsUp_GivesErrorsAndLosesNothing()
    {
        await MountAsync("-t", "tmpfs", "-o", $"size={WrittenMiB + 2}m", "tmpfs", _folder.FullName);
        try
        {
            using FileStorage image = FileStorage.Create(Path.Combine(_folder.FullName, "sparse.img"), Capacity);
            var device = new BlockDevice(image);
            await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription { Actions = "blk=1,shell", VirtioDevices = () => [device] });
            var shell = new GuestShell(guest);
            await shell.StartAsync();
            Assert.Equal(0, device.Statistics.Errors);
            string sum = await shell.RunForLineAsync($"head -c {WrittenMiB << 20} /dev/urandom >/tmp/first; dd if=/tmp/first of=/dev/vda bs=64k oflag=direct conv=fsync 2>/dev/null; md5sum </tmp/first");

            string refused = await shell.RunAsync("dd if=/dev/urandom of=/dev/vda bs=64k seek=64 count=160 oflag=direct 2>&1 || echo refused");

            Assert.Contains("refused", refused, StringComparison.Ordinal);
            Assert.Contains("I/O error", refused, StringComparison.Ordinal);
            Assert.True(device.Statistics.Errors > 0);
            Assert.Contains("space", Assert.IsAssignableFrom<IOException>(device.LastError).Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(sum, await shell.RunForLineAsync($"dd if=/dev/vda bs=64k count={WrittenMiB * 16} iflag=direct 2>/dev/null | md5sum"));

            await MountAsync("-o", $"remount,size={2 * Capacity >> 20}m", _folder.FullName);
            Assert.Contains("done", await shell.RunAsync("dd if=/tmp/first of=/dev/vda bs=64k seek=128 oflag=direct conv=fsync 2>/dev/null && echo done"), StringComparison.Ordinal);
            Assert.Equal(sum, await shell.RunForLineAsync($"dd if=/dev/vda bs=64k skip=128 count={WrittenMiB * 16} iflag=direct 2>/dev/null | md5sum"));
            await shell.ExitAsync();
            Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
            Assert.Null(device.Fault);
        }
        finally
        {
            await Command.RunAsync(new ProcessStartInfo("umount", ["-l", _folder.FullName]), Limit.Value);
        }
    }

    private static async Task MountAsync(params string[] arguments)
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo("mount", arguments), Limit.Value);
        if (result.ExitCode != 0)
        {
            LiveHypervisor.SkipOrFail("guests", $"mount {string.Join(' ', arguments)} says {result.ExitCode}: this test needs root, as in the nested machine. {result.Output}");
        }
    }

    /// <summary>A disk of a host that has no room left.</summary>
    private sealed class FullStorage : IBlockStorage
    {
        public long Length => Capacity;

        public bool IsReadOnly => false;

        public void Read(long offset, Span<byte> destination) => destination.Clear();

        public void Write(long offset, ReadOnlySpan<byte> source) => throw new IOException("No space left on device.");

        public void Flush()
        {
        }
    }
}
