using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Documents;

/// <summary>The device of docs/devices.md, on a bench and in a machine.</summary>
public sealed class ThermometerTests
{
    // >>>
    [Fact]
    public void Thermometer_HotterThanItsLimit_AssertsTheLine()
    {
        var bench = new DeviceBench();
        var thermometer = new Thermometer();
        bench.Attach(thermometer);
        bench.WriteMmio(thermometer.Address + 4, 30);

        thermometer.SetDegrees(31);

        Assert.Equal(31UL, bench.ReadMmio(thermometer.Address));
        Assert.True(bench.Line(16).IsAsserted); // the first free one
    }
    // <<<

    [Fact]
    public async Task Thermometer_InAMachine_AnswersItsGuest()
    {
        using var machines = new ScriptedMachines();
        var thermometer = new Thermometer();
        await using VirtualMachine machine = machines.CreateBuilder().AddDevice(thermometer).Build();
        machines.Backend.Vcpu(0).MmioWrite(thermometer.Address + 4, 0).MmioRead(thermometer.Address, out ScriptedAnswer degrees).PortWrite(0xCF9, 0x06).WaitForCancel();
        thermometer.SetDegrees(20);

        await machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await ScriptedMachines.EndOf(machine);

        Assert.Equal(20UL, degrees.Value);
        Assert.Contains(machines.Backend.Partition.LineChanges, static change => change == (16, true));
    }
}
