using System.Diagnostics;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests.DeviceTrees;

public sealed class Arm64DeviceTreeTests
{
    private const string Compiler = "/usr/bin/dtc";

    [Fact]
    public void Build_Devices_TellTheirPlacesLinesAndClocks()
    {
        DeviceTree tree = Arm64DeviceTree.Build(Platform());

        DeviceTreeNode serial = tree.Root.Find("serial@9000000")!;
        uint gic = tree.Root.Find("interrupt-controller@8000000")!.Phandle;
        uint clock = tree.Root.Find("clock-24000000")!.Phandle;
        Assert.Equal([0U, 0x0900_0000, 0, 0x1000], Cells(serial, "reg"));
        Assert.Equal([gic], Cells(serial, "interrupt-parent"));
        Assert.Equal([0U, 5, 4], Cells(serial, "interrupts"));
        Assert.Equal([clock, clock], Cells(serial, "clocks"));
        Assert.Equal([0U, 6, 1], Cells(tree.Root.Find("edge@a000000")!, "interrupts"));
        Assert.Equal(["/serial@9000000"], Assert.IsType<DeviceTreeValue.Texts>(tree.Root.Find("chosen")!.Get("stdout-path")).Values);
    }

    [Fact]
    public void Build_Processors_AreNamedByTheirAffinities()
    {
        DeviceTree tree = Arm64DeviceTree.Build(Platform());
        Assert.Equal(["cpu@0", "cpu@1", "cpu@100"], tree.Root.Find("cpus")!.Children.Select(static cpu => cpu.Name));
        Assert.Equal([0x100U], Cells(tree.Root.Find("cpus")!.Children[2], "reg"));
    }

    [Fact]
    public void Build_AffinityOfForty_TakesTwoCells()
    {
        DeviceTree tree = Arm64DeviceTree.Build(Platform() with { Affinities = [0, 0x1_0000_0000] });
        Assert.Equal([2U], Cells(tree.Root.Find("cpus")!, "#address-cells"));
        Assert.Equal([1U, 0], Cells(tree.Root.Find("cpus")!.Find("cpu@100000000")!, "reg"));
    }

    [Fact]
    public void Build_ReservedMemory_IsRamThatTheGuestLeavesAlone()
    {
        DeviceTree tree = Arm64DeviceTree.Build(Platform());
        Assert.Equal([new DeviceTreeReservation(0x4FFF_0000, 0x1_0000)], tree.Reservations);
        Assert.NotNull(tree.Root.Find("memory@4fff0000"));
    }

    [Fact]
    public void FindProblems_DeviceWithoutAName_NamesTheDevice()
    {
        DeviceDescription device = new() { Name = "my device", DeviceTree = new() { NodeName = "a b", Compatible = ["x"] } };
        Assert.Contains("my device", Assert.Single(Arm64DeviceTree.FindProblems(Platform() with { Devices = [device] })), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Arm64DeviceTree.Build(Platform() with { Devices = [device] }));
    }

    [Fact]
    public void FindProblems_DeviceThatIsCompatibleWithNothing_SaysSo()
    {
        DeviceDescription device = new() { Name = "my device", DeviceTree = new() { NodeName = "a", Compatible = [] } };
        Assert.Contains("Compatible", Assert.Single(Arm64DeviceTree.FindProblems(Platform() with { Devices = [device] })), StringComparison.Ordinal);
    }

    /// <summary>Debian's compiler reads the blob back, checks it, and has nothing to remark.</summary>
    [Fact]
    public async Task Build_ReadByDtc_IsAcceptedWithoutARemark()
    {
        Assert.SkipUnless(File.Exists(Compiler) || IsRequired(), $"{Compiler} is missing: install Debian's package device-tree-compiler.");
        string blob = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(blob, Arm64DeviceTree.Build(Platform()).ToArray(), TestContext.Current.CancellationToken);
            using Process dtc = Process.Start(new ProcessStartInfo(Compiler, ["-I", "dtb", "-O", "dts", blob]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> remarks = dtc.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            string source = await dtc.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await dtc.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));

            Assert.Equal((0, ""), (dtc.ExitCode, await remarks));
            Assert.Contains("compatible = \"arm,pl011", source, StringComparison.Ordinal);
            Assert.Matches("reg = <0x0+ 0x8000000 0x0+ 0x10000 0x0+ 0x80a0000 0x0+ 0x60000>;", source);
            Assert.Matches("/memreserve/\\s+0x0*4fff0000 0x0*10000;", source);
        }
        finally
        {
            File.Delete(blob);
        }
    }

    private static bool IsRequired() => (Environment.GetEnvironmentVariable("HVSDK_REQUIRE") ?? "").Split(',').Contains("dtc");

    private static IReadOnlyList<uint> Cells(DeviceTreeNode node, string property) => Assert.IsType<DeviceTreeValue.Cells>(node.Get(property)).Values;

    private static Arm64Platform Platform() => new()
    {
        Affinities = [0, 1, 0x100],
        Gic = new Arm64GicLayout(),
        Memory = [new(0x4000_0000, 0x0FFF_0000, MemoryMapKind.Usable), new(0x4FFF_0000, 0x1_0000, MemoryMapKind.Reserved)],
        Devices =
        [
            new()
            {
                Name = "console",
                Windows = [new(BusSpace.Mmio, 0x0900_0000, 0x1000)],
                Lines = [new(5, InterruptSense.Level)],
                DeviceTree = new() { NodeName = "serial", Compatible = ["arm,pl011", "arm,primecell"], Clocks = [new("uartclk", 24_000_000), new("apb_pclk", 24_000_000)] },
            },
            new()
            {
                Name = "edge",
                Windows = [new(BusSpace.Mmio, 0x0A00_0000, 0x1000)],
                Lines = [new(6, InterruptSense.Edge)],
                DeviceTree = new() { NodeName = "edge", Compatible = ["hvsdk,edge"], Properties = [new("wakeup-source", DeviceTreeValue.Present)] },
            },
            new() { Name = "unseen", Windows = [new(BusSpace.Mmio, 0x0B00_0000, 0x1000)] },
        ],
    };
}
