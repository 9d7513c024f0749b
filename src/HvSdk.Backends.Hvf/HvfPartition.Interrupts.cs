using HvSdk.Backends.Hvf.Interop;

namespace HvSdk.Backends.Hvf;

/// <content>The platform's GIC: lines, messages, triggers.</content>
internal sealed unsafe partial class HvfPartition
{
    private const int FirstSharedInterrupt = 32;

    public override void SetInterruptLine(int line, bool asserted) => HvfError.Check(
        Functions.hv_gic_set_spi((uint)(FirstSharedInterrupt + line), asserted ? (byte)1 : (byte)0), nameof(HvFunctions.hv_gic_set_spi));

    /// <summary>The frame takes the numbers that it was made for; any other message reaches nobody.</summary>
    public override bool SendMsi(MsiMessage message) =>
        _options.Arm64.Gic.MsiFrame is not null && Functions.hv_gic_send_msi(message.Address, message.Data) == (int)HvReturn.HV_SUCCESS;

    /// <summary>Line n is SPI n, and leads nowhere else.</summary>
    public override void SetInterruptRoutes(ReadOnlySpan<InterruptRoute> routes)
    {
        foreach (InterruptRoute route in routes)
        {
            if (route.Message is not null || route.Input is not { Controller: 0 } input || input.Pin != route.Line)
            {
                throw new NotSupportedException(
                    $"Line {route.Line} of the platform's GIC is shared peripheral interrupt {route.Line} and leads nowhere else. Use the line of the interrupt that you want.");
            }
        }
    }

    public override HostEvent CreateLineTrigger(int line, bool levelTriggered, out HostEvent? acknowledged)
    {
        acknowledged = null;
        return levelTriggered
            ? throw new NotSupportedException(
                $"{HvfError.BackendName} does not tell when a guest has ended an interrupt, so there are no level-triggered triggers. Use the line itself, or an edge.")
            : new HvfTrigger(this, line, default);
    }

    public override HostEvent CreateMsiTrigger(MsiMessage message) => new HvfTrigger(this, HvfTrigger.NoLine, message);

    public override void UpdateTrigger(HostEvent trigger, MsiMessage message)
    {
        var own = (HvfTrigger)trigger;
        if (own.Line != HvfTrigger.NoLine)
        {
            throw new InvalidOperationException("The trigger belongs to a line; only a trigger for a message can be given another.");
        }

        own.SetMessage(message);
    }

    private void CreateGic(Arm64GicLayout layout)
    {
        using HvObject config = HvObject.Take(Functions, Functions.hv_gic_config_create(), nameof(HvFunctions.hv_gic_config_create));
        HvfError.Check(
            Functions.hv_gic_config_set_distributor_base(config.Pointer, layout.DistributorAddress), nameof(HvFunctions.hv_gic_config_set_distributor_base));
        HvfError.Check(
            Functions.hv_gic_config_set_redistributor_base(config.Pointer, layout.RedistributorAddress), nameof(HvFunctions.hv_gic_config_set_redistributor_base));
        if (layout.MsiFrame is { } frame)
        {
            _host.Capabilities.Require(HypervisorFeatures.Msi);
            HvfError.Check(Functions.hv_gic_config_set_msi_region_base(config.Pointer, frame.Address), nameof(HvFunctions.hv_gic_config_set_msi_region_base));
            HvfError.Check(
                Functions.hv_gic_config_set_msi_interrupt_range(config.Pointer, (uint)(FirstSharedInterrupt + frame.FirstLine), (uint)frame.LineCount),
                nameof(HvFunctions.hv_gic_config_set_msi_interrupt_range));
        }

        HvfError.Check(Functions.hv_gic_create(config.Pointer), nameof(HvFunctions.hv_gic_create));
    }
}
