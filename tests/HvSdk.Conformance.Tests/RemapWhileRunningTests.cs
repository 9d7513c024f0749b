using HvSdk.Live;

namespace HvSdk.Conformance.Tests;

/// <summary>Memory that comes and goes under a running guest: it sees RAM or the device's answer, and nothing else ever.</summary>
public sealed class RemapWhileRunningTests
{
    private const int Rounds = 200;
    private const uint Ram = 0x5241_4D21;
    private const uint Device = 0x4445_5621;

    // Reads the page for ever and counts RAM, device, and all else.
    private static readonly TestProgram s_program = PollingGuest.Create(Ram, Device);

    [Fact]
    public void UnmapAndMapAt_WhileGuestReads_ShowsRamOrDevice()
    {
        using var machine = new TestMachine(s_program);
        MemoryRegion page = machine.Memory.Map(TestMachine.DeviceAddress, (ulong)Guest.PageSize);
        page.Write(0, Ram);
        using var guest = new BackgroundGuest(machine.Partition, 0, s_program, new AnsweringHandler());

        for (int i = 0; i < Rounds; i++)
        {
            PollingGuest.AwaitMore(machine, PollingGuest.First, guest);
            page.Unmap();
            PollingGuest.AwaitMore(machine, PollingGuest.Second, guest);
            page.MapAt(TestMachine.DeviceAddress);
        }

        AssertNothingElse(machine, guest);
    }

    [Fact]
    public void UnmapAndMapAt_WithoutWaiting_ShowsRamOrDevice()
    {
        using var machine = new TestMachine(s_program);
        MemoryRegion page = machine.Memory.Map(TestMachine.DeviceAddress, (ulong)Guest.PageSize);
        page.Write(0, Ram);
        using var guest = new BackgroundGuest(machine.Partition, 0, s_program, new AnsweringHandler());

        for (int i = 0; i < Rounds; i++)
        {
            page.Unmap();
            page.MapAt(TestMachine.DeviceAddress);
        }

        PollingGuest.AwaitMore(machine, PollingGuest.First, guest);
        AssertNothingElse(machine, guest);
    }

    [Fact]
    public void DisposeAndMap_WhileGuestReads_ShowsNewRamOrDevice()
    {
        using var machine = new TestMachine(s_program);
        using var guest = new BackgroundGuest(machine.Partition, 0, s_program, new AnsweringHandler());
        PollingGuest.AwaitMore(machine, PollingGuest.Second, guest);
        string path = Path.GetTempFileName();
        try
        {
            // The file's bytes are there before the guest can see the page.
            byte[] content = new byte[Guest.PageSize];
            BitConverter.TryWriteBytes(content, Ram);
            File.WriteAllBytes(path, content);
            var options = new MemoryRegionOptions { Backing = MemoryBacking.File(path, FileSharing.Private) };
            for (int i = 0; i < Rounds; i++)
            {
                using (machine.Memory.Map(TestMachine.DeviceAddress, (ulong)Guest.PageSize, options))
                {
                    PollingGuest.AwaitMore(machine, PollingGuest.First, guest);
                }

                PollingGuest.AwaitMore(machine, PollingGuest.Second, guest);
            }
        }
        finally
        {
            File.Delete(path);
        }

        AssertNothingElse(machine, guest);
    }

    private static void AssertNothingElse(TestMachine machine, BackgroundGuest guest)
    {
        Assert.Equal(VcpuExitKind.Canceled, guest.Stop());
        Assert.Equal(0UL, machine.Memory.Read<ulong>(PollingGuest.Other));
    }

    private sealed class AnsweringHandler : IVcpuHandler
    {
        public ExitDisposition Handle(in VcpuExit exit)
        {
            if (exit.Kind != VcpuExitKind.MmioRead)
            {
                return ExitDisposition.NotHandled;
            }

            exit.SetValue(Device);
            return ExitDisposition.Handled;
        }
    }
}
