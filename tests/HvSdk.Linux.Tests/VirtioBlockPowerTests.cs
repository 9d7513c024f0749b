using System.Globalization;
using HvSdk.Devices.Virtio;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Linux.Tests.Storages;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>A Linux whose root is on a virtio disk, and whose power goes at random moments: what it was told to be safe is there afterwards.</summary>
public sealed class VirtioBlockPowerTests
{
    private const string Record = "HVSDK record=";

    /// <summary>Of how many records the power goes at the latest.</summary>
    private const int MaxRecords = 60;

    [Theory]
    [InlineData(VirtioTransport.Mmio, VirtioFeatures.All)]
    [InlineData(VirtioTransport.Pci, VirtioFeatures.All & ~VirtioFeatures.PackedRing)]
    public async Task Root_WhosePowerGoesAtRandom_KeepsAllThatItWasToldToBeSafe(VirtioTransport transport, VirtioFeatures features)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        int rounds = Environment.GetEnvironmentVariable("HVSDK_LONG") == "1" ? 20 : 2;
        byte[] disk = await File.ReadAllBytesAsync(GuestFiles.PathOf(GuestKernel.Cloud, "root"), TestContext.Current.CancellationToken);
        byte[] tools = disk;
        long safe = 0;
        for (int round = 0; round <= rounds; round++)
        {
            bool isLast = round == rounds;
            PowerCutStorage storage = null!;
            byte[] before = disk;
            await using LinuxGuest guest = await LinuxGuest.BootAsync(new GuestDescription
            {
                Transport = transport,
                Processors = 2,
                Actions = isLast ? "root=check" : "root=write",
                VirtioDevices = () =>
                    [new BlockDevice(storage = new PowerCutStorage(before), new BlockDeviceOptions { QueueCount = 2 }) { QueueFeatures = features }, new BlockDevice(new MemoryStorage(tools, isReadOnly: true))],
            });

            // The records of the rounds before, counted by the guest once e2fsck has found nothing to mend.
            await guest.Console.ReadToAsync("HVSDK records=");
            string count = await guest.Console.ReadToAsync("\n");
            var report = new GuestReport(guest.Console.Transcript);
            report.AssertNoError();
            string what = $"seed {seed}, round {round}: {safe} records were safe, {count.Trim()} are there.{Environment.NewLine}{guest.Console.Transcript}";
            Assert.True(report["root_fsck"] == "0", what);
            Assert.True(report["root"] == "/dev/vda ext4 rw", what);
            long found = report.Number("records");
            Assert.True(found >= safe, what);
            Assert.True(report.Number("records_files_missing") == 0, what);
            Assert.True(found > safe || found == 0 || report["records_last_file"] == "1", what);
            if (isLast)
            {
                Assert.Equal(MachineEndKind.PoweredOff, (await guest.WaitForEndAsync()).Kind);
                return;
            }

            await guest.Console.ReadToAsync(string.Create(CultureInfo.InvariantCulture, $"{Record}{found + 1 + random.Next(MaxRecords)}\r"));
            await Task.Delay(random.Next(30), TestContext.Current.CancellationToken);
            (disk, int kept, int unflushed) = storage.Cut(random);
            await guest.Machine.DisposeAsync();
            await guest.Console.ReadToEndAsync();
            safe = LastRecord(guest.Console.Transcript);
            TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}, round {round}: cut behind record {safe} after {storage.Flushes} flushes; {kept} of {unflushed} unflushed sectors reached the disk.");
        }
    }

    /// <summary>The last record that the guest has told of as safe; a number that was cut off within does not count.</summary>
    private static long LastRecord(string said)
    {
        int end = said.LastIndexOf('\n');
        int start = end < 0 ? -1 : said.LastIndexOf(Record, end, StringComparison.Ordinal);
        return start < 0 ? 0 : long.Parse(said.AsSpan(start + Record.Length, said.IndexOf('\n', start) - start - Record.Length).TrimEnd(), CultureInfo.InvariantCulture);
    }
}
