using System.Runtime.Versioning;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.Samples.Sandbox;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>samples/Sandbox, with a root file system of busybox alone.</summary>
[SupportedOSPlatform("linux")]
public sealed class SandboxTests : IDisposable
{
    private const string Busybox = "/bin/busybox"; // of the nested machine, without libraries

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hvsdk-linux-sandbox-");

    public SandboxTests()
    {
        if (!File.Exists(Busybox))
        {
            LiveHypervisor.SkipOrFail("guests", $"There is no {Busybox} for the root file system. These tests run inside the nested machine.");
        }

        string bin = Folder("root/bin");
        File.Copy(Busybox, Path.Combine(bin, "busybox"));
        File.SetUnixFileMode(Path.Combine(bin, "busybox"), (UnixFileMode)0x1ED);
        foreach (string name in (string[])["sh", "cat", "ls", "sleep", "tail", "touch"])
        {
            File.CreateSymbolicLink(Path.Combine(bin, name), "busybox");
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Command_WithFolders_RunsAndReturnsItsCode()
    {
        await File.WriteAllTextAsync(Path.Combine(Folder("input"), "name"), "world");
        SandboxResult result = await RunAsync(
            """
            echo "hello $(cat /input/name)"
            echo "it's an error" >&2
            touch /input/new 2>/dev/null && echo "the input was written"
            touch /bin/new && echo result >/output/result
            exit 3
            """);

        Assert.Equal("hello world\n", result.StandardOutput);
        Assert.Equal("it's an error\n", result.StandardError);
        Assert.Equal((3, false, MachineEndKind.PoweredOff), (result.ExitCode, result.IsTimedOut, result.End.Kind));
        Assert.Equal("result\n", await File.ReadAllTextAsync(Path.Combine(Folder("output"), "result")));
        Assert.Equal(["name"], Directory.GetFileSystemEntries(Folder("input")).Select(Path.GetFileName));
        Assert.False(File.Exists(Path.Combine(Folder("root/bin"), "new")));
    }

    [Fact]
    public async Task Command_ThatTakesTooMuchMemory_IsKilledAlone()
    {
        SandboxResult result = await RunAsync("tail /dev/zero; echo $? >&2; exit 7", memory: 160UL << 20);

        Assert.Equal((7, MachineEndKind.PoweredOff), (result.ExitCode, result.End.Kind));
        Assert.NotEqual("0\n", result.StandardError);
    }

    [Fact]
    public async Task Command_ThatTakesTooLong_IsStopped()
    {
        SandboxResult result = await RunAsync("sleep 100000", limit: TimeSpan.FromSeconds(5));

        Assert.Equal((null, true, MachineEndKind.Stopped), (result.ExitCode, result.IsTimedOut, result.End.Kind));
    }

    private Task<SandboxResult> RunAsync(string script, ulong memory = 256UL << 20, TimeSpan? limit = null) => Sandbox.RunAsync(
        new SandboxOptions
        {
            Command = ["/bin/sh", "-c", script],
            Root = Folder("root"),
            Kernel = GuestFiles.PathOf(GuestKernel.Cloud, "vmlinuz"),
            InitialRamDisk = GuestFiles.PathOf(GuestKernel.Cloud, "initrd"),
            Input = Folder("input"),
            Output = Folder("output"),
            Memory = memory,
            TimeLimit = limit ?? Limit.Value,
        },
        TestContext.Current.CancellationToken);

    private string Folder(string name) => _folder.CreateSubdirectory(name).FullName;
}
