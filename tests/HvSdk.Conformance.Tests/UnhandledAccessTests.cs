using System.Diagnostics.Metrics;
using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>The meter counts for the whole process, so nothing else runs beside these tests.</summary>
[CollectionDefinition(nameof(UnhandledAccessTests), DisableParallelization = true)]
public sealed class UnhandledAccessGroup;

/// <summary>Accesses that no device takes: reads give ones, writes vanish, both are counted.</summary>
[Collection(nameof(UnhandledAccessTests))]
public sealed class UnhandledAccessTests
{
    private const ulong Elsewhere = TestMachine.DeviceAddress + 0x1000;

    // Reads the device's register in each size and 8 bytes without memory; writes both; writes three more times, on x86-64 by a string.
    private static readonly TestProgram s_program = Guest.IsX64 ? CreateX64() : Guest.Program(static g =>
    {
        g.Set(GuestRegister.Address, Elsewhere);
        g.In(1);
        g.In(2);
        g.Load(8, register: GuestRegister.Second);
        g.In(4);
        g.Out(4);
        g.Store(8);
        for (int i = 0; i < 3; i++)
        {
            g.Out(2);
        }

        g.End();
    });

    private static GuestProgram CreateX64() => GuestProgram.LongMode(static a =>
    {
        a.mov(edx, TestMachine.DevicePort);
        a.mov(edi, (uint)Elsewhere);
        a.@in(al, dx);
        a.@in(ax, dx);
        a.@in(eax, dx);
        a.mov(r8, __[rdi]);
        a.@out(dx, eax);
        a.mov(__[rdi], rax);
        a.mov(esi, (uint)Guest.Buffer);
        a.mov(ecx, 3);
        a.rep.outsw();
        a.hlt();
    });

    [Fact]
    public void Unhandled_ReadsAndWrites_GiveOnesAndVanishAndAreCounted()
    {
        using var machine = new TestMachine(s_program);

        machine.RunToEnd();

        Assert.Equal(0xFFFF_FFFF, machine.Read(GuestRegister.Value));
        Assert.Equal(ulong.MaxValue, machine.Read(GuestRegister.Second));
        Assert.Equal(4, machine.Vcpu.Statistics.UnhandledReads);
        Assert.Equal(5, machine.Vcpu.Statistics.UnhandledWrites);
    }

    [Fact]
    public void Unhandled_Meter_CountsByDirectionAlsoWhenVcpuIsGone()
    {
        Dictionary<string, long> before = Measure();

        using (var machine = new TestMachine(s_program))
        {
            machine.RunToEnd();
            AssertCounted(before, Measure());
        }

        AssertCounted(before, Measure());
    }

    private static void AssertCounted(Dictionary<string, long> before, Dictionary<string, long> after)
    {
        // The meter comes with the first partition of the process, which may be this test's: before it there is nothing to measure.
        Assert.Equal(4, after["read"] - before.GetValueOrDefault("read"));
        Assert.Equal(5, after["write"] - before.GetValueOrDefault("write"));
    }

    private static Dictionary<string, long> Measure()
    {
        var values = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument is { Meter.Name: "HvSdk", Name: "hvsdk.bus.unhandled" })
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => values[(string)tags[0].Value!] = value);
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }
}
