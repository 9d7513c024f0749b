using System.Globalization;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using HvSdk.Devices.Virtio;
using HvSdk.Devices.Virtio.Linux;
using HvSdk.Linux.Tests.Guests;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Linux's virtiofs driver on a directory of the host, a tree in memory, and a tree of the test's own.</summary>
[SupportedOSPlatform("linux")]
public sealed class VirtioFileSystemTests : IDisposable
{
    private const int CopiedMiB = 24;
    private const int Turns = 2; // each reads all, writes all, and reads what was written
    private const string Secret = "what no guest may read";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-linux-fs-");

    private string Inside => Path.Combine(_folder.FullName, "inside");

    private string OutsideFile => Path.Combine(_folder.FullName, "outside", "secret");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(VirtioTransport.Mmio)]
    [InlineData(VirtioTransport.Pci)]
    public async Task Trees_MountedByTheGuest_AreUsedAndNeverLeft(VirtioTransport transport)
    {
        // 171 makes it 1 GiB in all; with the processors to itself the nested machine takes minutes for it.
        int mebibytes = int.Parse(Environment.GetEnvironmentVariable("HVSDK_SHARE_MIB") ?? $"{CopiedMiB}", CultureInfo.InvariantCulture);
        Directory.CreateDirectory(Path.GetDirectoryName(OutsideFile)!);
        await File.WriteAllTextAsync(OutsideFile, Secret);
        List<HostDirectory> shares = [];
        FileSystemDevice[] devices = [];
        string md5 = "";
        MemoryTree memory = null!;
        try
        {
            (GuestReport report, MachineEnd end) = await LinuxGuest.RunAsync(new GuestDescription
            {
                Transport = transport,
                Processors = 2,
                Actions = string.Create(CultureInfo.InvariantCulture, $"fs={mebibytes}"),
                VirtioDevices = () =>
                {
                    md5 = Prepare(mebibytes);
                    memory = new MemoryTree();
                    memory.WriteFile("input/text", "from the host"u8);
                    memory.CreateDirectory("output");
                    shares.Add(new HostDirectory(Inside, new HostDirectoryOptions { IsWritable = true }));
                    devices = [new("share", shares[^1].Root), new("memory", memory.Root), new("user", new Greetings())];
                    return devices;
                },
            });

            Assert.Equal(MachineEndKind.PoweredOff, end.Kind);
            TestContext.Current.TestOutputHelper?.WriteLine($"{mebibytes} MiB copied in {string.Join(" and ", report.Numbers("fs_copy_us"))} µs");
            long bytes = (long)mebibytes << 20;
            Assert.Equal((bytes, md5), (report.Number("fs_size"), report["fs_md5"]));
            Assert.InRange(devices[0].Counters.BytesRead, 2 * Turns * bytes, long.MaxValue);
            Assert.InRange(devices[0].Counters.BytesWritten, Turns * bytes, long.MaxValue);
            AssertTrees(report, memory);
            AssertNames(report);
            AssertContained(report);
            Assert.All(devices, static device => Assert.Equal((null, null, 0L), (device.Fault, device.Counters.LastFailure, device.Counters.MalformedRequests)));
            Assert.Equal(0, shares[^1].Handles);
        }
        finally
        {
            shares.ForEach(static share => share.Dispose());
        }
    }

    private static void AssertTrees(GuestReport report, MemoryTree memory)
    {
        Assert.Equal("from the host", report["fs_memory"]);
        Assert.Equal("from the guest\n", Encoding.UTF8.GetString(memory.ReadFile("output/result")!));
        Assert.Equal("hello 1", report["fs_user"]);
        Assert.Equal("refused", report["fs_user_write"]);
        Assert.EndsWith(" from the guest", report["fs_again"], StringComparison.Ordinal);
    }

    private static void AssertNames(GuestReport report)
    {
        Assert.Equal(301, report.Number("fs_listed"));
        Assert.Equal("2 moved b/moved", report["fs_links"]);
        Assert.Equal("640 12345", report["fs_attributes"]);
        Assert.True(report.Number("fs_blocks") > 0);
        Assert.Equal(189, report.Number("fs_left")); // 299 files and a link, less file1, file10 to file19, file100 to file199
        Assert.Equal("refused", report["fs_removed"]);
        Assert.Equal("held free held free", report["fs_locks"].Trim()); // of flock and of fcntl
    }

    private void AssertContained(GuestReport report)
    {
        Assert.Equal("the guest's", report["fs_escape"]);
        Assert.All(["up", "up_write", "dots", "device", "console", "owner"], name => Assert.Equal("refused", report[$"fs_{name}"]));
        Assert.Equal("755", report["fs_suid"]);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(Path.Combine(Inside, "suid")) & (UnixFileMode.SetUser | UnixFileMode.SetGroup));
        Assert.Equal("inside", report["fs_seen"].Trim());
        Assert.Equal(Secret, File.ReadAllText(OutsideFile));
        Assert.Equal([OutsideFile], Directory.GetFileSystemEntries(Path.GetDirectoryName(OutsideFile)!));
    }

    /// <summary>Makes the share anew.</summary>
    /// <returns>The checksum of its file.</returns>
    private string Prepare(int mebibytes)
    {
        if (Directory.Exists(Inside))
        {
            Directory.Delete(Inside, recursive: true);
        }

        Directory.CreateDirectory(Inside);
#pragma warning disable CA5351 // a checksum that busybox has, against accidents
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
#pragma warning restore CA5351
        using FileStream file = File.Create(Path.Combine(Inside, "in"));
        byte[] block = new byte[1 << 20];
        new Random(5).NextBytes(block);
        for (int i = 0; i < mebibytes; i++)
        {
            BitConverter.TryWriteBytes(block, i); // no two alike
            md5.AppendData(block);
            file.Write(block);
        }

        return Convert.ToHexStringLower(md5.GetHashAndReset());
    }

    /// <summary>A tree of the test's own: one file.</summary>
    private sealed class Greetings : SharedNode
    {
        private readonly Greeting _greeting = new();

        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = NodeAttributes.ReadOnlyDirectory;
            return FileError.None;
        }

        public override FileError Lookup(ReadOnlySpan<byte> name, out SharedNode? node)
        {
            node = name.SequenceEqual("greeting"u8) ? _greeting : null;
            return node is null ? FileError.ENOENT : FileError.None;
        }

        public override FileError Enumerate(ulong position, DirectoryWriter writer)
        {
            if (position == 0)
            {
                writer.TryAdd("greeting", NodeKind.File, 1);
            }

            return FileError.None;
        }
    }

    private sealed class Greeting : SharedNode
    {
        private static readonly byte[] s_text = "hello"u8.ToArray();

        public override FileError GetAttributes(out NodeAttributes attributes)
        {
            attributes = NodeAttributes.ReadOnlyFile(s_text.Length);
            return FileError.None;
        }

        public override FileError Open(OpenModes modes, out OpenFile? file)
        {
            file = new OpenGreeting();
            return FileError.None;
        }

        private sealed class OpenGreeting : OpenFile
        {
            public override FileError Read(long offset, Span<byte> destination, out int read)
            {
                ReadOnlySpan<byte> rest = s_text.AsSpan((int)long.Min(offset, s_text.Length));
                read = int.Min(rest.Length, destination.Length);
                rest[..read].CopyTo(destination);
                return FileError.None;
            }
        }
    }
}
