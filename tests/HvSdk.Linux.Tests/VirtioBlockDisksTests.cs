using System.Security.Cryptography;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Linux.Tests.Storages;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Several disks in one Linux, of all kinds of storage; and ranges that it does not need any more.</summary>
public sealed class VirtioBlockDisksTests : IDisposable
{
    private const int Length = 4 * GuestDescription.MiB;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-linux-disks-");
    private readonly List<FileStorage> _files = [];

    public void Dispose()
    {
        _files.ForEach(static file => file.Dispose());
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Disks_OfEachKind_AreReadAndWrittenSideBySide(VirtioTransport transport)
    {
        List<BlockDevice> disks = [];
        int boots = 0;
        (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
        {
            Transport = transport,
            Processors = 2,
            Actions = "disks,interrupts",
            VirtioDevices = () =>
            {
                string name = Path.Combine(_folder.FullName, $"{++boots}");
                File.WriteAllBytes($"{name}.ro", Pattern());
                _files.Add(FileStorage.Create($"{name}.rw", Length));
                _files.Add(new FileStorage($"{name}.ro", isReadOnly: true));
                disks =
                [
                    Disk(_files[^2], "file"), Disk(new MemoryStorage(Pattern()), "memory"), Disk(_files[^1], "read-only file"), Disk(new CountingStorage(Length), "a user's"),
                ];
                return disks;
            },
        });

        Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
        Assert.All(disks, static disk => Assert.Null(disk.Fault));
        Assert.All(disks, static disk => Assert.Null(disk.LastError));
        Assert.Equal(["a user's", "file", "memory", "read-only file"], new[] { "vda", "vdb", "vdc", "vdd" }.Select(name => report[name]).Order(StringComparer.Ordinal));
        foreach (string name in (string[])["vda", "vdb", "vdc", "vdd"])
        {
            Assert.Equal(Length / 512, report.Number($"{name}.size"));
            byte[] expected = new byte[GuestDescription.MiB];
            switch (report[name])
            {
                case "file":
                    break;
                case "a user's":
                    new CountingStorage(Length).Read(0, expected);
                    break;
                default:
                    expected = Pattern()[..GuestDescription.MiB];
                    break;
            }

            Assert.Equal(Sum(expected), report[$"{name}.first"]);
            if (report[name] is "file" or "memory")
            {
                Assert.Equal(report[$"{name}.written"], report[$"{name}.read"]);
            }
            else
            {
                Assert.Equal("refused", report[$"{name}.written"]);
            }
        }

        if (transport == VirtioTransport.Pci)
        {
            // One for each queue: both processors have had theirs.
            Assert.True(report.Number("irq.virtio0-req.0") > 0 && report.Number("irq.virtio0-req.1") > 0);
        }
    }

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Ranges_NotNeededAnyMore_GiveMemoryBack(VirtioTransport transport)
    {
        BlockDevice device = null!;
        MemoryStorage storage = null!;
        await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription
        {
            Transport = transport,
            Actions = "ranges",
            VirtioDevices = () => [device = new BlockDevice(storage = new MemoryStorage(4 * Length))],
        });
        await guest.Console.ReadToAsync("HVSDK ranges=filled");
        long filled = storage.AllocatedLength;
        long discards = device.Statistics.Discards;
        await guest.Console.WriteAsync("\n");

        GuestReport report = await guest.ReadReportAsync();
        Assert.Equal("yes", report["ranges_kept"]);
        Assert.Equal("yes", report["ranges_zeroed"]);
        Assert.Equal(2, discards);
        Assert.True(device.Statistics.Discards > discards, "fstrim has discarded nothing.");
        Assert.InRange(storage.AllocatedLength, 0, filled - (5 * GuestDescription.MiB));
        Assert.Equal(0, device.Statistics.Errors);
    }

    private static BlockDevice Disk(IBlockStorage storage, string id) => new(storage, new BlockDeviceOptions { Id = id, QueueCount = 2 });

    private static byte[] Pattern()
    {
        byte[] bytes = new byte[Length];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

#pragma warning disable CA5351 // a checksum that busybox has, against accidents
    private static string Sum(byte[] bytes) => Convert.ToHexStringLower(MD5.HashData(bytes));
#pragma warning restore CA5351
}
