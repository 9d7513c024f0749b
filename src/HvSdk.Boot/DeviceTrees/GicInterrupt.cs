using HvSdk.Devices;

namespace HvSdk.Boot;

/// <summary>The three cells that name an interrupt of a GICv3 (Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml).</summary>
internal static class GicInterrupt
{
    private const uint SharedKind = 0;
    private const uint PrivateKind = 1;
    private const uint EdgeRising = 1;
    private const uint LevelHigh = 4;

    public const int Cells = 3;

    /// <summary>A shared peripheral interrupt; number 0 is INTID 32.</summary>
    public static uint[] Shared(int number, InterruptSense sense) => [SharedKind, (uint)number, sense == InterruptSense.Edge ? EdgeRising : LevelHigh];

    /// <summary>A private peripheral interrupt, by INTID 16 to 31.</summary>
    public static uint[] Private(int interruptId) => [PrivateKind, (uint)interruptId - 16, LevelHigh];
}
